package team_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/team"
)

// TestOnceForATeam: what one member fetched, the others have without the API.
func TestOnceForATeam(t *testing.T) {
	for _, pad := range []bool{false, true} {
		f, dir := newFolder(t)
		padded := func(_ *cache.Options, o *team.Options) { o.Pad = pad }
		one := join(t, f, padded)
		for _, k := range []cache.Key{"a", "b", "c"} {
			if one.read(one.want(k)) {
				t.Error("the empty bucket had", k)
			}
		}
		if s := one.settled(); s.Misses != 3 || s.Shared != 3 || s.Hits+s.Failed+s.Late+s.Dropped+s.Refused != 0 {
			t.Errorf("the first: %+v", s)
		}
		two := join(t, f, padded)
		for _, k := range []cache.Key{"a", "b", "c"} {
			if !two.read(two.want(k)) {
				t.Error("not from the bucket:", k)
			}
		}
		if s := two.settled(); s.Hits != 3 || s.Shared+s.Misses != 0 || two.asked.Load() != 0 {
			t.Errorf("the second: %+v, the API was asked %d times", s, two.asked.Load())
		}
		for _, path := range objects(t, dir) {
			b := readFile(t, path)
			for _, telling := range []string{"label of", string(content("a")[:16]), one.cache.SharedPaths("a")[0]} {
				if bytes.Contains(b, []byte(telling)) {
					t.Errorf("%s tells %q", path, telling)
				}
			}
		}
	}
}

// TestDamagedInTheBucket: whatever is done to an object, the right bytes are read, and
// the object is replaced.
func TestDamagedInTheBucket(t *testing.T) {
	damages := map[string]func(path, other string) error{
		"emptied":  func(path, _ string) error { return os.Truncate(path, 0) },
		"cut":      func(path, _ string) error { return os.Truncate(path, 100_000) },
		"extended": func(path, _ string) error { return os.Truncate(path, 300_000) },
		"flipped": func(path, _ string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[150_000] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"swapped": func(path, other string) error {
			b, err := os.ReadFile(other)
			if err != nil {
				return err
			}
			return os.WriteFile(path, b, 0o600)
		},
	}
	for what, damage := range damages {
		t.Run(what, func(t *testing.T) {
			f, dir := newFolder(t)
			one := join(t, f)
			one.read(one.want("a"))
			one.read(one.want("b"))
			one.settled()
			path, other := dir+"/"+one.cache.SharedPaths("a")[0], dir+"/"+one.cache.SharedPaths("b")[0]
			if err := damage(path, other); err != nil {
				t.Fatal(err)
			}
			two := join(t, f)
			if two.read(two.want("a")) {
				t.Error("it was taken from the bucket")
			}
			if s := two.settled(); s.Refused != 1 || s.Shared != 1 || s.ReadDown != nil {
				t.Errorf("%+v", s)
			}
			three := join(t, f)
			if !three.read(three.want("a")) {
				t.Error("it was not replaced")
			}
			if n := strings.Count(two.log.String(), "not what was asked for"); n != 1 {
				t.Errorf("logged %d times:\n%s", n, two.log.String())
			}
		})
	}
}

// TestOtherSecret: another team's objects in the same bucket are none of ours.
func TestOtherSecret(t *testing.T) {
	f, dir := newFolder(t)
	one := join(t, f)
	one.read(one.want("a"))
	one.settled()
	stranger := join(t, f, func(o *cache.Options, _ *team.Options) { o.Secrets = [][]byte{[]byte("of another team")} })
	if stranger.read(stranger.want("a")) {
		t.Error("another secret's object was taken")
	}
	stranger.settled()
	if n := len(objects(t, dir)); n != 2 {
		t.Errorf("%d objects of two teams", n)
	}
	// Even under our name.
	writeFile(t, dir+"/"+one.cache.SharedPaths("a")[0], readFile(t, dir+"/"+stranger.cache.SharedPaths("a")[0]))
	two := join(t, f)
	if two.read(two.want("a")) {
		t.Error("another secret's object was taken under our name")
	}
}

// TestNotShared: what is not to be shared, and what a member does not accept.
func TestNotShared(t *testing.T) {
	f, dir := newFolder(t)
	one := join(t, f, func(_ *cache.Options, o *team.Options) { o.Shareable = func([]byte) bool { return false } })
	one.read(one.want("a"))
	if s := one.settled(); s.Unshared != 1 || len(objects(t, dir)) != 0 {
		t.Errorf("%+v", s)
	}
	two := join(t, f)
	two.read(two.want("a"))
	two.settled()
	three := join(t, f)
	w := three.want("a")
	w.Accept = func(label []byte) error {
		if string(label) != "label of a" {
			t.Errorf("label %q", label)
		}
		return errors.New("not this one")
	}
	if three.read(w) {
		t.Error("it was taken all the same")
	}
}

// held is a bucket whose answers wait.
type held struct {
	bucket.Bucket
	asked chan struct{} // gets one for each Get that waits
	gate  chan struct{} // Get waits until this is closed
	body  chan struct{} // and the second half of the body until this is; nil: it does not
	deaf  bool          // to the context
}

func (h *held) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	h.asked <- struct{}{}
	gone := ctx.Done()
	if h.deaf {
		gone = nil
	}
	select {
	case <-h.gate:
	case <-gone:
		return nil, 0, ctx.Err()
	}
	body, size, err := h.Bucket.Get(context.WithoutCancel(ctx), name)
	if err == nil && h.body != nil {
		body = &heldBody{ReadCloser: body, gate: h.body, free: size / 2, gone: gone}
	}
	return body, size, err
}

type heldBody struct {
	io.ReadCloser
	gate, gone <-chan struct{}
	free       int64
}

func (b *heldBody) Read(p []byte) (int, error) {
	if b.free <= 0 {
		select {
		case <-b.gate:
		case <-b.gone:
			return 0, context.Canceled
		}
		return b.ReadCloser.Read(p)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.free)])
	b.free -= int64(n)
	return n, err
}

func newHeld(b bucket.Bucket) *held {
	return &held{Bucket: b, asked: make(chan struct{}, 1000), gate: make(chan struct{})}
}

func hasty(_ *cache.Options, o *team.Options) { o.Patience = time.Millisecond }

// TestLateBucket: a bucket that does not answer, or stands still in the middle, delays
// nobody: the API is asked, and what it has is taken.
func TestLateBucket(t *testing.T) {
	f, _ := newFolder(t)
	one := join(t, f)
	one.read(one.want("a"))
	one.settled()
	open := make(chan struct{})
	close(open)
	for what, h := range map[string]*held{
		"no answer":     newHeld(f),
		"half a body":   {Bucket: f, asked: make(chan struct{}, 9), gate: open, body: make(chan struct{})},
		"a hanging one": {Bucket: f, asked: make(chan struct{}, 9), gate: make(chan struct{}), deaf: true},
	} {
		t.Run(what, func(t *testing.T) {
			two := join(t, h, hasty)
			if two.read(two.want("a")) || two.asked.Load() != 1 {
				t.Error("the API was not asked")
			}
			if h.deaf {
				close(h.gate)
			}
			if s := two.store.Stats(); s.Late != 1 || s.Hits+s.Misses > 1 {
				t.Errorf("%+v", s)
			}
			two.store.Close() // which waits for it
			for two.cache.Stats().Open != 0 {
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// TestBucketWinsTheRace: a late bucket that is faster than the API is taken, and the
// request to the API ends.
func TestBucketWinsTheRace(t *testing.T) {
	f, _ := newFolder(t)
	one := join(t, f)
	one.read(one.want("a"))
	one.settled()
	h := newHeld(f)
	two := join(t, h, hasty)
	w := two.want("a")
	w.API = func(ctx context.Context) (*cache.Object, error) {
		close(h.gate)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if !two.read(w) {
		t.Error("the API can't have won")
	}
}

// TestAPIFails: when the API fails, the late bucket is waited for, unless the error is
// the last word.
func TestAPIFails(t *testing.T) {
	f, _ := newFolder(t)
	one := join(t, f)
	one.read(one.want("a"))
	one.settled()
	h := newHeld(f)
	two := join(t, h, hasty)
	w := two.want("a")
	w.API = func(context.Context) (*cache.Object, error) {
		time.AfterFunc(20*time.Millisecond, func() { close(h.gate) })
		return nil, errors.New("out of reach")
	}
	if !two.read(w) {
		t.Error("the bucket was not waited for")
	}
	h = newHeld(f)
	three := join(t, h, hasty)
	w = three.want("a")
	w.API = func(context.Context) (*cache.Object, error) { return nil, errGone }
	if o, _, err := three.store.First(t.Context(), w); !errors.Is(err, errGone) || o != nil {
		t.Error("the last word:", err)
	}
	four := join(t, f)
	w = four.want("nowhere")
	down := errors.New("out of reach")
	w.API = func(context.Context) (*cache.Object, error) { return nil, down }
	if _, _, err := four.store.First(t.Context(), w); !errors.Is(err, down) {
		t.Error("what nobody has:", err)
	}
}

// TestCallerLeaves: an open that is given up ends, whoever it waits for.
func TestCallerLeaves(t *testing.T) {
	f, _ := newFolder(t)
	h := newHeld(f)
	m := join(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-h.asked
		cancel()
	}()
	w := m.want("a")
	w.API = func(ctx context.Context) (*cache.Object, error) { return nil, ctx.Err() }
	if _, _, err := m.store.First(ctx, w); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s := m.store.Stats(); s.ReadDown != nil || s.Failed != 0 {
		t.Errorf("it counts as a failure of the bucket: %+v", s)
	}
}
