package command

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/bucket/s3bucket"
	"veriffs/internal/installation"
)

// signer signs checkpoints of one log.
type signer struct {
	t   *testing.T
	key *installation.Key
}

func newSigner(t *testing.T) signer {
	key, err := installation.Open(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, key}
}

func (s signer) checkpoint(size int64, root byte) []byte {
	s.t.Helper()
	by, err := s.key.Signer("veriffs/1")
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := logfile.Checkpoint{Origin: "veriffs/1", Size: size, Root: tlog.Hash{root}}.Sign(by)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func TestParseBucketAnchor(t *testing.T) {
	a, err := parseBucketAnchor("s3://b/a/log/?endpoint=http://127.0.0.1:9&region=r&path-style=true")
	want := s3bucket.Options{Bucket: "b", Prefix: "a/log", Endpoint: "http://127.0.0.1:9", Region: "r", PathStyle: true, Checksums: true}
	if err != nil || a.options != want {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{
		"s3://", "s3:///p", "s3://key:secret@b", "s3://b#x", "s3://b?region=%", "s3://b?endpoint=there", "s3://b?path-style=perhaps", "s3://b?profile=x",
	} {
		if a, err := parseAnchor(text); err == nil {
			t.Errorf("%q is %v", text, a)
		}
	}
}

// TestKeepCheckpoint keeps each checkpoint once, also those that contradict each other,
// and believes no object that somebody else has put under its name.
func TestKeepCheckpoint(t *testing.T) {
	f, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := newSigner(t)
	all := [][]byte{s.checkpoint(7, 1), s.checkpoint(7, 2), s.checkpoint(10, 3)}
	for range 2 {
		for _, text := range all {
			if err := keepCheckpoint(t.Context(), f, text); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := readCheckpoints(t.Context(), f)
	if err != nil || len(got) != 3 || !bytes.Equal(got[2], all[2]) {
		t.Errorf("%q, %v", got, err)
	}
	for o, err := range f.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Replace(t.Context(), o.Name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := keepCheckpoint(t.Context(), f, all[0]); err == nil {
		t.Error("another object counts as the checkpoint")
	}
	if err := keepCheckpoint(t.Context(), f, []byte("x")); err == nil {
		t.Error("what is no checkpoint was kept")
	}
}

// TestAnchorUnderLock: a bucket with an object lock takes checkpoints, nobody can remove
// one for good, and one that was hidden is read all the same.
func TestAnchorUnderLock(t *testing.T) {
	g := buckettest.NewGateway(t, true)
	g.MakeLocked("locked")
	a, err := parseBucketAnchor("s3://locked/audit?path-style=true&endpoint=" + g.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newSigner(t)
	all := [][]byte{s.checkpoint(7, 1), s.checkpoint(8, 2)}
	for range 2 {
		for _, text := range all {
			if err := a.Publish(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := s3bucket.Open(t.Context(), a.options)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for o, err := range b.List(t.Context(), "") {
		if err != nil || !strings.HasPrefix(o.Name, "1/0000000000000000000") || !strings.HasSuffix(o.Name, ".checkpoint") {
			t.Fatalf("%+v, %v", o, err)
		}
		if _, err := b.Remove(t.Context(), o.Name); !errors.Is(err, bucket.ErrDenied) {
			t.Errorf("%s was removed: %v", o.Name, err)
		}
		if err := b.Drop(t.Context(), o.Name); err != nil { // hides it
			t.Error(err)
		}
	}
	got, err := checkpointsOf(t.Context())(a.Name())
	if err != nil || len(got) != 2 || !bytes.Equal(got[0], all[0]) || !bytes.Equal(got[1], all[1]) {
		t.Errorf("%q, %v", got, err)
	}
}
