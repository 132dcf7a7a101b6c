package fs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff/sandbox"
)

// TestOtherTypeOrSize: a list may be wrong about the type or about the size.
func TestOtherTypeOrSize(t *testing.T) {
	for name, effects := range map[string][]sandbox.Effect{
		"type":                               {sandbox.Header("Content-Type", "image/webp")},
		"size":                               {sandbox.ListSize("77")},
		"size, and the type has two names":   {sandbox.ListSize("77"), sandbox.Header("Content-Type", "IMAGE/JPG; q=1")},
		"size, and a type that says nothing": {sandbox.ListSize("77"), sandbox.Header("Content-Type", "application/octet-stream")},
		"type, and no size":                  {sandbox.ListSize(""), sandbox.Header("Content-Type", "image/webp")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			path, f, content := w.one()
			if f.MIMEType != "image/jpeg" {
				t.Fatalf("the file is %s", f.MIMEType)
			}
			w.Set(sandbox.Match{}, effects...)
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestOneFileAlone: a file that the API does not answer for, or with what is
// no HTTP, is an error for those who open it and for nobody else.
func TestOneFileAlone(t *testing.T) {
	for name, effect := range map[string]sandbox.Effect{
		"slow":    sandbox.Latency(time.Hour),
		"closed":  sandbox.Refuse(),
		"garbled": sandbox.GarbledHeaders(),
	} {
		for _, alone := range []bool{true, false} {
			t.Run(fmt.Sprint(name, "/alone=", alone), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, worldConfig{sandbox: small, listTTL: 1, noReadAhead: true})
				path, f, content := w.one()
				fault := w.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, effect)
				failed := make(chan error)
				go func() {
					_, err := os.ReadFile(path)
					failed <- err
				}()
				if err := fault.Wait(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				others := func() {
					t.Helper()
					for other, right := range w.files() {
						if strings.Contains(other, f.ID.String()) {
							continue
						}
						if got, err := os.ReadFile(w.path(other)); err != nil || !bytes.Equal(got, right) {
							t.Errorf("another file: %d bytes, %v", len(got), err)
						}
					}
				}
				if !alone {
					others()
				}
				if err := <-failed; !isErrno(err, syscall.EIO) {
					t.Errorf("the file: %v", err)
				}
				others()
				if lines := w.logged.lines("can't be reached"); len(lines) > 0 {
					t.Errorf("the mount was taken offline: %s", lines)
				}
				w.ClearFaults()
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
					t.Errorf("after the fault: %d bytes, %v", len(got), err)
				}
			})
		}
	}
}

// TestLimitedOpens: while the API asks for fewer requests, opens wait as long
// as their patience and no request goes out. What is cached, and lists that
// are known, are there at once.
func TestLimitedOpens(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1, noReadAhead: true})
	path, _, content := w.one()
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	w.Set(sandbox.Match{}, sandbox.Status(429), sandbox.RetryAfter("60"))
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 3 {
		t.Fatalf("a known session: %d entries, %v", len(entries), err)
	}
	before := w.Requests().Total // into the limit: the two lists, side by side
	failed := make(chan error)
	var callers int
	for other := range w.files() {
		if w.path(other) == path {
			continue
		}
		callers++
		go func() {
			_, err := os.ReadFile(w.path(other))
			failed <- err
		}()
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("a cached file: %d bytes, %v", len(got), err)
	}
	for range callers {
		if err := <-failed; !isErrno(err, syscall.EIO) {
			t.Errorf("another file: %v", err)
		}
	}
	if n := w.Requests().Total - before; n != 0 {
		t.Errorf("%d requests went out", n)
	}
	if lines := w.logged.lines(); len(lines) != 2 {
		t.Errorf("the log should say that the API asks, and that somebody gave up:\n%s", strings.Join(lines, ""))
	}
	if s := w.lib.Stats(); s.API.HeldUntil.IsZero() || s.Offline != nil {
		t.Errorf("%+v", s)
	}
}

// TestProxyRefusal: a refusal that is not the API's word hides no list that is
// known.
func TestProxyRefusal(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1})
	path, _, _ := w.one()
	if _, err := os.ReadDir(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	w.Set(sandbox.Match{}, sandbox.Body(403, "text/html", []byte("<html>")), sandbox.Unsigned())
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 3 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
