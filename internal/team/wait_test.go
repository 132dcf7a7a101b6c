package team_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/team"
)

// filled is a bucket that has some objects, and whose answers wait.
func filled(t *testing.T, keys ...cache.Key) *held {
	t.Helper()
	f, _ := newFolder(t)
	m := join(t, f)
	for _, k := range keys {
		m.read(m.want(k))
	}
	m.settled()
	return newHeld(f)
}

// TestNobodyWaits: as long as nobody waits for an object the bucket may take its time. From
// then on it has as much as for any other.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := filled(t, "ahead", "waited")
		m := join(t, h, hasty)
		var reads sync.WaitGroup
		come := make(chan struct{})
		for k, waited := range map[cache.Key]chan struct{}{"ahead": nil, "waited": come} {
			w := m.want(k)
			w.Waited = waited
			reads.Go(func() {
				if fromTeam := m.read(w); fromTeam != (waited == nil) {
					t.Errorf("%s: from the team: %t", k, fromTeam)
				}
			})
		}
		time.Sleep(10 * time.Second)
		if n := m.asked.Load(); n != 0 {
			t.Errorf("the API was asked %d times for what nobody waits for", n)
		}
		close(come)
		time.Sleep(200 * time.Millisecond)
		if n := m.asked.Load(); n != 1 {
			t.Errorf("the API was asked %d times for what somebody waits for", n)
		}
		close(h.gate)
		reads.Wait()
		if s := m.settled(); s.Late != 1 || s.Hits != 1 || s.ReadDown != nil {
			t.Errorf("%+v", s)
		}
	})
}

// TestDownForAll: once a bucket is found to be down, what it is asked for already, and nobody
// waits for, comes from the API at once.
func TestDownForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := filled(t)
		m := join(t, h, hasty)
		w := m.want("ahead")
		w.Waited = nil
		var ahead sync.WaitGroup
		ahead.Go(func() { m.read(w) })
		synctest.Wait()
		for i := range 4 {
			m.read(m.want(cache.Key(fmt.Sprint(i))))
		}
		ahead.Wait()
		if s := m.store.Stats(); s.ReadDown == nil || s.Late != 4 || m.asked.Load() != 5 {
			t.Errorf("%+v", s)
		}
		close(h.gate)
	})
}

// fickle is a bucket that does not answer while it is silent.
type fickle struct {
	bucket.Bucket
	silent atomic.Bool
}

func (f *fickle) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	if f.silent.Load() {
		<-ctx.Done()
		return nil, 0, ctx.Err()
	}
	return f.Bucket.Get(ctx, name)
}

func usual(_ *cache.Options, o *team.Options) { o.Patience = 0 }

// TestSlowerAPI: while the API takes longer than the bucket may keep anybody waiting, it is
// not asked before it could be faster; but after a second at most.
func TestSlowerAPI(t *testing.T) {
	for api, want := range map[time.Duration]time.Duration{
		20 * time.Millisecond:  team.DefaultPatience,
		400 * time.Millisecond: 400 * time.Millisecond,
		time.Minute:            time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			f, _ := newFolder(t)
			b := &fickle{Bucket: f}
			m := join(t, b, usual)
			read := func(k cache.Key) (askedAfter time.Duration) {
				begun := time.Now()
				w := m.want(k)
				w.API = func(context.Context) (*cache.Object, error) {
					askedAfter = time.Since(begun)
					time.Sleep(api)
					return m.fetch(k)
				}
				m.read(w)
				return askedAfter
			}
			for i := range 40 { // they tell how long the API takes
				read(cache.Key(fmt.Sprint("missing ", i)))
			}
			b.silent.Store(true)
			if got := read("slow"); got < want-want/100 || got > want {
				t.Errorf("with an API that takes %v it is asked after %v, not %v", api, got, want)
			}
		})
	}
}

// TestFewerAhead: a bucket that keeps people waiting is asked for less that nobody waits
// for, and for more again once it is in time.
func TestFewerAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newFolder(t)
		b := &fickle{Bucket: f}
		one := join(t, b)
		one.read(one.want("a"))
		one.settled()
		m := join(t, b, usual)
		read := func(times int, silent bool) {
			b.silent.Store(silent)
			for range times {
				m.read(m.want("a"))
			}
		}
		read(100, false)
		if n := m.store.Ahead(); n != 32 {
			t.Errorf("%d while it is in time", n)
		}
		read(3, true)
		if n := m.store.Ahead(); n != 4 {
			t.Errorf("%d after it was late three times", n)
		}
		read(40, false)
		if n := m.store.Ahead(); n != 5 {
			t.Errorf("%d after it was in time again", n)
		}
		read(3, true)
		read(1, false)
		read(3, true)
		if n := m.store.Ahead(); n != 1 {
			t.Errorf("%d after it was late again and again", n)
		}
	})
}

// counted is a bucket that counts the uploads which are under way, and holds them up.
type counted struct {
	bucket.Bucket
	gate    chan struct{}
	running atomic.Int64
}

func (c *counted) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if strings.HasPrefix(name, "leases/") {
		return c.Bucket.Put(ctx, name, body)
	}
	c.running.Add(1)
	defer c.running.Add(-1)
	<-c.gate
	return c.Bucket.Put(ctx, name, body)
}

// TestUploadsStepBack: few files are uploaded at once as long as nobody else seems to want
// them; all that can be once another member does, and at the end.
func TestUploadsStepBack(t *testing.T) {
	for what, hurry := range map[string]func(t *testing.T, m *member, f bucket.Bucket){
		"another member fetches one of them": func(t *testing.T, m *member, f bucket.Bucket) {
			other := join(t, f)
			w := other.want("x")
			w.API = func(context.Context) (*cache.Object, error) {
				time.Sleep(time.Second)
				return other.fetch("x")
			}
			var reads sync.WaitGroup
			reads.Go(func() { other.read(w) })
			time.Sleep(100 * time.Millisecond)
			m.read(m.want("x"))
			reads.Wait()
		},
		"the end": func(_ *testing.T, m *member, _ bucket.Bucket) {
			go m.store.Close()
			time.Sleep(time.Second)
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, _ := newFolder(t)
				b := &counted{Bucket: f, gate: make(chan struct{})}
				m := join(t, b)
				for i := range 20 {
					m.read(m.want(cache.Key(fmt.Sprint(i))))
				}
				synctest.Wait()
				if n := b.running.Load(); n != 2 {
					t.Errorf("%d are uploaded at once", n)
				}
				hurry(t, m, f)
				synctest.Wait()
				if n := b.running.Load(); n != 16 {
					t.Errorf("%d are uploaded at once in the end", n)
				}
				close(b.gate)
			})
		})
	}
}
