package team_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/team"
)

// fetched has objects put into a member's cache that nobody uploads.
func (m *member) fetched(keys ...cache.Key) {
	m.t.Helper()
	for _, k := range keys {
		o, err := m.fetch(k)
		if err != nil {
			m.t.Fatal(err)
		}
		o.Close()
	}
}

// TestFill uploads what the cache has and the bucket has not.
func TestFill(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	m.fetched("a", "b")
	for i, k := range []cache.Key{"a", "b"} {
		if there, err := team.Has(t.Context(), m.store, k); there || err != nil {
			t.Errorf("%s: there before: %v, %v", k, there, err)
		}
		for range 2 { // one that is there does no harm
			if err := team.Fill(t.Context(), m.store, k); err != nil {
				t.Error(err)
			}
		}
		if there, err := team.Has(t.Context(), m.store, k); !there || err != nil || len(objects(t, dir)) != i+1 {
			t.Errorf("%s: there afterwards: %v, %v", k, there, err)
		}
	}
	if s := m.store.Stats(); s.Shared != 2 || s.Existed != 0 || s.Unsent != 0 {
		t.Errorf("%+v", s)
	}
	if err := team.Fill(t.Context(), m.store, "missing"); err == nil {
		t.Error("what the cache does not have was put")
	}
	other := join(t, f)
	if !other.read(other.want("a")) {
		t.Error("another member does not get it")
	}
}

// TestFillAfterRotation: what an old secret sealed is there for those who have both.
func TestFillAfterRotation(t *testing.T) {
	f, _ := newFolder(t)
	m := join(t, f)
	m.read(m.want("a"))
	m.settled()
	rotated := join(t, f, func(o *cache.Options, _ *team.Options) { o.Secrets = append([][]byte{[]byte("new")}, o.Secrets...) })
	if there, err := team.Has(t.Context(), rotated.store, "a"); !there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}

// TestFillWaits: what is on its way is not uploaded twice.
func TestFillWaits(t *testing.T) {
	f, _ := newFolder(t)
	g := newGated(f)
	m := join(t, g)
	m.read(m.want("a")) // and queued
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := team.Fill(stopped, m.store, "a"); !errors.Is(err, context.Canceled) {
		t.Fatal("it did not wait:", err)
	}
	close(g.gate)
	if err := team.Fill(t.Context(), m.store, "a"); err != nil {
		t.Error(err)
	}
	if s := m.settled(); s.Shared != 1 || s.Existed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFillThatIsStopped: who fills the bucket can stop at any moment, and the bucket is not
// blamed for that.
func TestFillThatIsStopped(t *testing.T) {
	f, dir := newFolder(t)
	g := newGated(f)
	m := join(t, g)
	m.fetched("a")
	for range 6 {
		begun := g.puts.Load()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- team.Fill(ctx, m.store, "a") }()
		for g.puts.Load() == begun {
			time.Sleep(time.Millisecond)
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if s := m.store.Stats(); s.WriteDown != nil || s.Unsent+s.Shared != 0 || s.Dropped != 6 || len(objects(t, dir)) != 0 {
		t.Errorf("%+v", s)
	}
}

// untouched is a bucket that must not be asked anything.
type untouched struct{ bucket.Bucket }

func (untouched) String() string { return "untouched" }

// TestFillOfWhatIsNotShared: the bucket is not even asked about it.
func TestFillOfWhatIsNotShared(t *testing.T) {
	m := join(t, untouched{}, func(_ *cache.Options, o *team.Options) { o.Shareable = func([]byte) bool { return false } })
	m.fetched("a")
	if err := team.Fill(t.Context(), m.store, "a"); err == nil || m.store.Stats().Unshared != 1 {
		t.Errorf("%v, %+v", err, m.store.Stats())
	}
}

// TestFillWhileDown: a bucket that fails is left alone.
func TestFillWhileDown(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	var last error
	for i := range 6 {
		k := cache.Key(fmt.Sprint(i))
		m.fetched(k)
		if i == 1 {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		last = team.Fill(t.Context(), m.store, k)
		if (last == nil) != (i == 0) {
			t.Errorf("%d: %v", i, last)
		}
	}
	if !errors.Is(last, team.ErrDown) {
		t.Error(last)
	}
}

// speechless is a bucket that hangs for good, whatever its callers say, when it is asked what
// it has.
type speechless struct {
	bucket.Bucket
	gate chan struct{}
}

func (s speechless) Stat(ctx context.Context, name string) (bucket.Info, error) {
	<-s.gate
	return s.Bucket.Stat(ctx, name)
}

// TestHasWhileItHangs: a bucket that hangs is left alone like one that fails, and is asked again
// once it answers.
func TestHasWhileItHangs(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		b := speechless{f, make(chan struct{})}
		m := join(t, b)
		ended, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if _, err := team.Has(ended, m.store, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for i := range 5 {
			want := team.ErrSilent
			if i == 4 {
				want = team.ErrDown
			}
			if _, err := team.Has(t.Context(), m.store, "x"); !errors.Is(err, want) {
				t.Errorf("%d: %v", i, err)
			}
		}
		close(b.gate)
		time.Sleep(time.Second)
		if there, err := team.Has(t.Context(), m.store, "x"); there || err != nil {
			t.Errorf("%t, %v", there, err)
		}
	})
}
