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

// leasing is a bucket whose leases are special.
type leasing struct {
	bucket.Bucket
	put func(ctx context.Context) error // of a lease
}

func (l leasing) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if strings.HasPrefix(name, "leases/") {
		return l.put(ctx)
	}
	return l.Bucket.Put(ctx, name, body)
}

// TestSlowLease: a bucket that says in time that it has not got a file, but takes long for
// the lease, is neither late nor left without the file.
func TestSlowLease(t *testing.T) {
	f, dir := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		m := join(t, leasing{f, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}, hasty)
		for i := range 6 {
			if m.read(m.want(cache.Key(fmt.Sprint(i)))) {
				t.Error("the empty bucket had", i)
			}
		}
		if s := m.settled(); s.ReadDown != nil || s.Late != 0 || s.Shared != 6 || len(objects(t, dir)) != 6 {
			t.Errorf("%+v", s)
		}
	})
}

// TestLeasesInVain: a bucket in which there is every lease, but never a file, does not
// delay every open: after a few nobody waits for leases.
func TestLeasesInVain(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		m := join(t, leasing{f, func(context.Context) error { return bucket.ErrExists }})
		for i := range 10 {
			m.read(m.want(cache.Key(fmt.Sprint(i))))
		}
		if s := m.settled(); s.Waits != 4 || s.Shared != 10 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		m.read(m.want("later"))
		m.read(m.want("at last"))
		if s := m.settled(); s.Waits != 5 {
			t.Errorf("it is not tried again, and once: %+v", s)
		}
	})
}

// TestHangingBucket: a bucket whose answers never come, whatever is done, is left alone
// like one that fails, and keeps neither opens nor the end of the mount waiting.
func TestHangingBucket(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(f)
		h.deaf = true
		m := join(t, h, hasty)
		for i := range 6 {
			m.read(m.want(cache.Key(fmt.Sprint(i))))
		}
		if s := m.store.Stats(); s.Late != 4 || s.Skipped != 2 || s.ReadDown == nil {
			t.Errorf("%+v", s)
		}
		begun := time.Now()
		m.store.Close()
		if took := time.Since(begun); took > 5*time.Second { // by the clock of the test
			t.Errorf("the end took %v, though nothing is to be uploaded", took)
		}
		close(h.gate)
	})
}

// TestHangingAhead: what nobody waits for, of a bucket that heeds no context, is given up when
// it stands still, and ends with its context: an erasure, and the end of a mount, wait for that.
func TestHangingAhead(t *testing.T) {
	for what, of := range map[string]struct{ stop, took time.Duration }{
		"given up": {time.Hour, 15 * time.Second},
		"stopped":  {time.Second, time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := filled(t, "ahead")
				h.deaf = true
				m := join(t, h)
				w := m.want("ahead")
				w.Waited = nil
				ctx, stop := context.WithTimeout(t.Context(), of.stop)
				defer stop()
				w.API = func(ctx context.Context) (*cache.Object, error) {
					if ctx.Err() != nil {
						return nil, context.Cause(ctx)
					}
					return m.fetch("ahead")
				}
				begun := time.Now()
				o, _, err := m.store.First(ctx, w)
				if err == nil {
					o.Close()
				}
				if stopped := ctx.Err() != nil; (err != nil) != stopped || time.Since(begun) != of.took {
					t.Errorf("after %v: %v", time.Since(begun), err)
				}
				close(h.gate)
			})
		})
	}
}

// TestPaceIsNotLate: a bucket whose bytes are held back here is neither late nor given up.
func TestPaceIsNotLate(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		first := join(t, f)
		first.read(first.want("file"))
		first.settled()
		var paced int
		m := join(t, f, func(_ *cache.Options, o *team.Options) {
			o.Pace = func(ctx context.Context, n int) error {
				paced += n
				time.Sleep(time.Minute) // longer than it may stand still
				if cause := context.Cause(ctx); cause != nil {
					t.Error("given up meanwhile:", cause)
				}
				return nil
			}
		})
		if !m.read(m.want("file")) || paced < len(content("file")) {
			t.Errorf("%d bytes were paced", paced)
		}
		if s := m.store.Stats(); s.Late != 0 || s.Failed != 0 || s.ReadDown != nil || m.asked.Load() != 0 {
			t.Errorf("the API was asked %d times, %+v", m.asked.Load(), s)
		}
	})
}

// TestTurnThatComesLate: who had to wait for others that a late bucket kept waiting does
// not wait for it once more.
func TestTurnThatComesLate(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(f)
		m := join(t, h, hasty)
		lanes := make(chan struct{}, 1)
		var opens sync.WaitGroup
		for i := range 3 {
			w := m.want(cache.Key(fmt.Sprint(i)))
			w.Lane = func(ctx context.Context, work func() error) error {
				select {
				case lanes <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
				defer func() { <-lanes }()
				return work()
			}
			opens.Go(func() { m.read(w) })
		}
		begun := time.Now()
		opens.Wait()
		if s := m.store.Stats(); s.Late+s.Skipped != 3 || m.asked.Load() != 3 {
			t.Errorf("the API was asked %d times, %+v", m.asked.Load(), s)
		}
		if took := time.Since(begun); took > time.Millisecond { // by the clock of the test
			t.Errorf("somebody waited for %v", took)
		}
	})
}

// stuck is a bucket that hangs for good, whatever its callers say, when objects are read
// for an erasure.
type stuck struct {
	bucket.Bucket
	gate chan struct{}
}

func (s stuck) Head(ctx context.Context, o bucket.Info, n int64) ([]byte, error) {
	if strings.HasSuffix(o.Name, "f") {
		<-s.gate
	}
	return s.Bucket.Head(ctx, o, n)
}

// TestEraseWhileItHangs: an erasure in a bucket that hangs ends, without a proof, with
// what was erased, and asks about nothing afterwards.
func TestEraseWhileItHangs(t *testing.T) {
	f, dir := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		b := stuck{f, make(chan struct{})}
		m := join(t, b)
		for i := range 60 {
			m.read(m.want(cache.Key(fmt.Sprint(i))))
		}
		m.settled()
		var over atomic.Bool
		e := m.store.Erase(t.Context(), func(cache.Key, []byte, time.Time) bool {
			if over.Load() {
				t.Error("asked after the end")
			}
			return true
		}, nil)
		over.Store(true)
		if e.Proven || len(e.Erased) == 0 || !strings.Contains(e.Error, "does not answer") || len(e.Erased)+len(objects(t, dir)) != 60 {
			t.Errorf("%+v", e)
		}
		close(b.gate)
	})
}
