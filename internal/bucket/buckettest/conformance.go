// Package buckettest is what the tests of buckets share: what every bucket has to do, a
// real server of object storage, and a proxy that makes it fail.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"veriffs/internal/bucket"
)

// Conform tests what every bucket promises, in one that is empty.
func Conform(t *testing.T, b bucket.Bucket) {
	t.Run("empty", func(t *testing.T) { empty(t, b) })
	t.Run("objects", func(t *testing.T) { objects(t, b) })
	t.Run("first writer", func(t *testing.T) { firstWriter(t, b) })
	t.Run("cut upload", func(t *testing.T) { cutUpload(t, b) })
	t.Run("drop", func(t *testing.T) { drop(t, b) })
	t.Run("replace", func(t *testing.T) { replace(t, b) })
	t.Run("list", func(t *testing.T) { list(t, b) })
}

func empty(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	if err := b.Check(ctx); err != nil {
		t.Error("check:", err)
	}
	_, _, err := b.Get(ctx, "aa/none")
	wantError(t, "get", err, bucket.ErrNotFound)
	_, err = b.Head(ctx, bucket.Info{Name: "aa/none"}, 10)
	wantError(t, "head", err, bucket.ErrNotFound)
	_, err = b.Stat(ctx, "aa/none")
	wantError(t, "stat", err, bucket.ErrNotFound)
	versions, err := b.Remove(ctx, "aa/none")
	wantError(t, "remove", err, nil)
	if versions != 0 {
		t.Errorf("%d versions of nothing were removed", versions)
	}
	wantNames(t, b, "")
}

func objects(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 1000, 3 << 20} {
		name := fmt.Sprintf("bb/%d", size)
		want := bytes.Repeat([]byte{'x', 'y', 0}, size/3+1)[:size]
		wantError(t, "put", b.Put(ctx, name, bytes.NewReader(want)), nil)
		if got := read(t, b, name); !bytes.Equal(got, want) {
			t.Errorf("%d bytes were put, %d read", size, len(got))
		}
		info, err := b.Stat(ctx, name)
		wantError(t, "stat", err, nil)
		if info.Size != int64(size) || info.Name != name || info.Modified.IsZero() {
			t.Errorf("stat of %d bytes: %+v", size, info)
		}
		head, err := b.Head(ctx, info, 100)
		wantError(t, "head", err, nil)
		if !bytes.Equal(head, want[:min(100, size)]) {
			t.Errorf("head of %d bytes: %q", size, head)
		}
		remove(t, b, name)
	}
}

// firstWriter has several put under one name at the same moment.
func firstWriter(t *testing.T, b bucket.Bucket) {
	const writers = 8
	errs := make([]error, writers)
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			errs[i] = b.Put(context.Background(), "cc/one", strings.NewReader(strings.Repeat(fmt.Sprint(i), 100_000)))
		})
	}
	wait.Wait()
	winner := slices.Index(errs, nil)
	for i, err := range errs {
		if i != winner && !errors.Is(err, bucket.ErrExists) {
			t.Errorf("writer %d of %d, of which %d won: %v", i, writers, winner, err)
		}
	}
	if got := string(read(t, b, "cc/one")); got != strings.Repeat(fmt.Sprint(winner), 100_000) {
		t.Errorf("writer %d won, and %.5s… is there", winner, got)
	}
	wantError(t, "put once more", b.Put(t.Context(), "cc/one", strings.NewReader("late")), bucket.ErrExists)
	remove(t, b, "cc/one")
}

// failing is a body that breaks off. It must not have the reader's WriteTo.
type failing struct{ r *strings.Reader }

var errBroken = errors.New("broke off")

func (f failing) Read(p []byte) (int, error) {
	if f.r.Len() < 1000 {
		return 0, errBroken
	}
	return f.r.Read(p[:min(len(p), 500)])
}

func (f failing) Seek(offset int64, whence int) (int64, error) { return f.r.Seek(offset, whence) }

func cutUpload(t *testing.T, b bucket.Bucket) {
	if err := b.Put(t.Context(), "dd/cut", failing{strings.NewReader(strings.Repeat("z", 100_000))}); err == nil {
		t.Error("a body that broke off was put")
	}
	_, _, err := b.Get(t.Context(), "dd/cut")
	wantError(t, "get", err, bucket.ErrNotFound)
	wantNames(t, b, "")
}

func drop(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	wantError(t, "put", b.Put(ctx, "hh/1", strings.NewReader("")), nil)
	for range 2 { // one that is not there does no harm
		wantError(t, "drop", b.Drop(ctx, "hh/1"), nil)
		_, err := b.Stat(ctx, "hh/1")
		wantError(t, "stat", err, bucket.ErrNotFound)
	}
	if _, err := b.Remove(ctx, "hh/1"); err != nil { // where versions are kept, something is left
		t.Error("remove:", err)
	}
}

func replace(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	for _, text := range []string{"first", "second, which is longer", "3"} {
		wantError(t, "replace", b.Replace(ctx, "ee/r", strings.NewReader(text)), nil)
		if got := string(read(t, b, "ee/r")); got != text {
			t.Errorf("%q was put, %q read", text, got)
		}
	}
	remove(t, b, "ee/r")
}

func list(t *testing.T, b bucket.Bucket) {
	ctx := t.Context()
	names := []string{"ff/aa/1", "ff/aa/2", "ff/ab/1", "fg/1"}
	for _, name := range names {
		wantError(t, "put", b.Put(ctx, name, strings.NewReader("of "+name)), nil)
	}
	wantNames(t, b, "", names...)
	wantNames(t, b, "ff/", names[:3]...)
	wantNames(t, b, "ff/aa/", names[:2]...)
	wantNames(t, b, "fh/")
	for o, err := range b.List(ctx, "") {
		wantError(t, "list", err, nil)
		head, err := b.Head(ctx, o, 100)
		if string(head) != "of "+o.Name || o.Size != int64(len(head)) || err != nil {
			t.Errorf("%+v begins with %q, %v", o, head, err)
		}
	}
	for _, name := range names {
		remove(t, b, name)
	}
}

func remove(t *testing.T, b bucket.Bucket, name string) {
	t.Helper()
	if versions, err := b.Remove(t.Context(), name); versions < 1 || err != nil {
		t.Errorf("remove %s: %d versions, %v", name, versions, err)
	}
	_, err := b.Stat(t.Context(), name)
	wantError(t, "stat what was removed", err, bucket.ErrNotFound)
	wantError(t, "list", func() error {
		for o := range b.List(t.Context(), "") {
			if o.Name == name {
				return fmt.Errorf("%s is still listed", name)
			}
		}
		return nil
	}(), nil)
}

func read(t *testing.T, b bucket.Bucket, name string) []byte {
	t.Helper()
	body, size, err := b.Get(t.Context(), name)
	if err != nil {
		t.Fatal("get:", err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || int64(len(got)) != size {
		t.Errorf("get %s: %d of %d bytes, %v", name, len(got), size, err)
	}
	return got
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantNames(t *testing.T, b bucket.Bucket, prefix string, want ...string) {
	t.Helper()
	var got []string
	for o, err := range b.List(t.Context(), prefix) {
		wantError(t, "list", err, nil)
		got = append(got, o.Name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("below %q there are %q, want %q", prefix, got, want)
	}
}
