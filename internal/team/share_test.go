package team_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// gated is a bucket whose uploads wait, or fail.
type gated struct {
	bucket.Bucket
	gate chan struct{} // Put waits until this is closed
	down atomic.Bool   // Put and Get fail
	puts atomic.Int64  // that were begun
}

func (g *gated) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if g.down.Load() {
		return fmt.Errorf("down")
	}
	if strings.HasPrefix(name, "leases/") {
		return g.Bucket.Put(ctx, name, body)
	}
	g.puts.Add(1)
	select {
	case <-g.gate:
		return g.Bucket.Put(ctx, name, body)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gated) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	if g.down.Load() {
		return nil, 0, fmt.Errorf("down")
	}
	return g.Bucket.Get(ctx, name)
}

func newGated(b bucket.Bucket) *gated { return &gated{Bucket: b, gate: make(chan struct{})} }

// TestUploadingDelaysNobody: while nothing can be uploaded, opens go on; what is queued
// when the mount ends is uploaded then.
func TestUploadingDelaysNobody(t *testing.T) {
	f, dir := newFolder(t)
	g := newGated(f)
	m := join(t, g)
	for i := range 20 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	if s := m.store.Stats(); s.Queued != 20 || s.Shared != 0 {
		t.Errorf("%+v", s)
	}
	close(g.gate)
	m.store.Close()
	if s := m.store.Stats(); s.Shared != 20 || s.Dropped != 0 || len(objects(t, dir)) != 20 {
		t.Errorf("after the end: %+v", s)
	}
	if m.read(m.want("20")) { // a mount that is in use may go on for a moment
		t.Error("read from the bucket after the end")
	}
}

// TestFullQueue: what the queue does not hold is dropped, and counted.
func TestFullQueue(t *testing.T) {
	f, _ := newFolder(t)
	g := newGated(f)
	m := join(t, g)
	w := m.want("a")
	held, err := m.fetch("a")
	if err != nil {
		t.Fatal(err)
	}
	held.Close()
	w.API = func(context.Context) (*cache.Object, error) {
		o, ok := m.cache.Get("a")
		if !ok {
			return nil, fmt.Errorf("not in the cache")
		}
		return o, nil
	}
	const more = 50
	for range 4096 + 16 + more {
		o, _, err := m.store.First(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		o.Close()
	}
	if s := m.store.Stats(); s.Dropped < more || s.Queued > 4096+16 {
		t.Errorf("%+v", s)
	}
	close(g.gate)
	if s := m.settled(); s.Shared != 1 || s.Existed < 4000 {
		t.Errorf("%+v", s)
	}
}

// TestBucketDown: a bucket that fails is left alone after a few failures, in both
// directions, and used again when it is back. What was queued meanwhile is uploaded.
func TestBucketDown(t *testing.T) {
	f, _ := newFolder(t)
	g := newGated(f)
	close(g.gate)
	g.down.Store(true)
	m := join(t, g)
	for i := range 10 {
		if m.read(m.want(cache.Key(fmt.Sprint(i)))) {
			t.Error("read from a bucket that is down")
		}
	}
	s := m.store.Stats()
	if s.Failed < 4 || s.Skipped == 0 || s.Failed+s.Skipped != 10 || s.ReadDown == nil { // one more is tried after a second
		t.Errorf("while it is down: %+v", s)
	}
	for m.store.Stats().WriteDown == nil {
		time.Sleep(time.Millisecond)
	}
	g.down.Store(false)
	s = m.settled()
	if s.WriteDown != nil || s.Shared+s.Unsent != 10 || s.Unsent > 4 || s.Shared < 6 {
		t.Errorf("when it is back: %+v", s)
	}
	other := join(t, g)
	for !other.read(other.want("9")) {
		t.Fatal("it is not there")
	}
	for i := 10; !m.read(m.want("9")); i++ { // after a pause
		if err := m.cache.Remove("9"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if s := m.store.Stats(); s.ReadDown != nil {
		t.Errorf("it answered: %+v", s)
	}
}

// TestEndWhileDown: the end does not wait for a bucket that is out of reach.
func TestEndWhileDown(t *testing.T) {
	f, _ := newFolder(t)
	g := newGated(f)
	g.down.Store(true)
	m := join(t, g)
	for i := range 30 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	for m.store.Stats().WriteDown == nil {
		time.Sleep(time.Millisecond)
	}
	m.store.Close()
	if s := m.store.Stats(); s.Dropped+s.Unsent != 30 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
}

// failsLate is a bucket that takes a second to fail, but for leases.
type failsLate struct{ bucket.Bucket }

func (b failsLate) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if strings.HasPrefix(name, "leases/") {
		return b.Bucket.Put(ctx, name, body)
	}
	time.Sleep(time.Second)
	return errors.New("not now")
}

// TestEndWhenItGoesDown: the end of a mount does not wait for a bucket that turns out to
// be out of reach meanwhile.
func TestEndWhenItGoesDown(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		m := join(t, failsLate{f})
		for i := range 10 {
			m.read(m.want(cache.Key(fmt.Sprint(i))))
		}
		begun := time.Now()
		m.store.Close()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestReadOnlyMember: who may not write goes on reading.
func TestReadOnlyMember(t *testing.T) {
	f, _ := newFolder(t)
	one := join(t, f)
	for i := range 9 {
		one.read(one.want(cache.Key(fmt.Sprint(i))))
	}
	one.settled()
	two := join(t, refusing{f})
	for i := 8; i < 20; i++ {
		two.read(two.want(cache.Key(fmt.Sprint(i))))
	}
	for two.store.Stats().WriteDown == nil {
		time.Sleep(time.Millisecond)
	}
	for i := range 8 {
		if !two.read(two.want(cache.Key(fmt.Sprint(i)))) {
			t.Errorf("%d was not read from the bucket", i)
		}
	}
}

// refusing is a bucket that takes nothing.
type refusing struct{ bucket.Bucket }

func (refusing) Put(context.Context, string, io.ReadSeeker) error { return bucket.ErrDenied }
