package fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/cache"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func isErrno(err error, want syscall.Errno) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && errno == want
}

// small is a world whose content does not matter.
var small = sandbox.Options{Scale: sandbox.Scale{Sessions: 2, Files: 3, FileSize: 100_000}}

// one returns the path and the right bytes of one file.
func (w *world) one() (path string, f sandbox.File, content []byte) {
	s := w.Sessions()[0]
	f = s.Attempts[0].Media[0]
	return w.path("sessions", s.ID.String(), fileName(f)), f, w.Bytes(f.ID)
}

// TestWrongBytes serves a file in every wrong way: no open succeeds, nothing
// is kept under the file's name, one line of the log says which way it was,
// and once the fault has gone the file is there.
func TestWrongBytes(t *testing.T) {
	for name, fault := range map[string]struct {
		effects []sandbox.Effect
		says    string // in the log
		errno   syscall.Errno
	}{
		"flipped byte":        {[]sandbox.Effect{sandbox.FlipByte(5000)}, "signature", syscall.EIO},
		"flipped last byte":   {[]sandbox.Effect{sandbox.FlipByte(-1)}, "signature", syscall.EIO},
		"unsigned":            {[]sandbox.Effect{sandbox.Unsigned()}, "verify mode", syscall.EIO},
		"signed by a forger":  {[]sandbox.Effect{sandbox.SignedWith("another")}, "signature", syscall.EIO},
		"nonsense signature":  {[]sandbox.Effect{sandbox.Signature("zz")}, "signature", syscall.EIO},
		"silently shortened":  {[]sandbox.Effect{sandbox.Shorten(1)}, "signature", syscall.EIO},
		"cut":                 {[]sandbox.Effect{sandbox.Cut(5000)}, "bad reply", syscall.EIO},
		"cut without length":  {[]sandbox.Effect{sandbox.Chunked(), sandbox.Cut(5000)}, "bad reply", syscall.EIO},
		"stalled":             {[]sandbox.Effect{sandbox.Stall(5000)}, "bad reply", syscall.EIO},
		"an error sent as OK": {[]sandbox.Effect{sandbox.Envelope()}, "bad reply", syscall.EIO},
		"another document":    {[]sandbox.Effect{sandbox.Body(200, "text/html", []byte("<html>"))}, "bad reply", syscall.EIO},
		"another picture":     {[]sandbox.Effect{sandbox.Body(200, "image/webp; x=y", []byte("RIFF"))}, "bad reply", syscall.EIO},
		"unsigned 404":        {[]sandbox.Effect{sandbox.Status(404), sandbox.Unsigned()}, "verify mode", syscall.EIO},
		"server error":        {[]sandbox.Effect{sandbox.Status(500)}, "server error", syscall.EIO},
		"refused":             {[]sandbox.Effect{sandbox.Fail(401, "1818", "Signature mismatch")}, "1818", syscall.EACCES},
		"forbidden":           {[]sandbox.Effect{sandbox.Status(403)}, "refused", syscall.EACCES},
		"redirected":          {[]sandbox.Effect{sandbox.Redirect("http://127.0.0.1:1/x")}, "redirect", syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			path, f, content := w.one()
			fault := struct {
				*sandbox.Fault
				says  string
				errno syscall.Errno
			}{w.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, fault.effects...), fault.says, fault.errno}
			if got, err := os.ReadFile(path); !isErrno(err, fault.errno) {
				t.Fatalf("read %d bytes, %v; want %v", len(got), err, fault.errno)
			}
			session := "session=" + w.Sessions()[0].ID.String()
			if lines := w.logged.lines(f.ID.String()); len(lines) != 1 || !strings.Contains(lines[0], fault.says) || !strings.Contains(lines[0], session) {
				t.Errorf("the log should say %q, once:\n%s", fault.says, strings.Join(lines, ""))
			}
			if _, ok := w.cache.Get(cache.Key("media/" + f.ID.String())); ok {
				t.Error("there is something in the cache")
			}
			fault.Remove()
			fault.Release()
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("after the fault: %d bytes, %v", len(got), err)
			}
		})
	}
}

// TestPassingFaults serves a file badly for a while: nobody sees it.
func TestPassingFaults(t *testing.T) {
	for name, effects := range map[string][]sandbox.Effect{
		"500":                {sandbox.Status(500)},
		"503, retry after 1": {sandbox.Status(503), sandbox.RetryAfter("1")},
		"429, retry after 1": {sandbox.Status(429), sandbox.RetryAfter("1")},
		"cut":                {sandbox.Cut(5000)},
		"no answer":          {sandbox.Refuse()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small, client: func(c *veriff.Config) { c.Patience = 0 }})
			path, f, content := w.one()
			fault := w.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String(), Times: 1}, effects...)
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if fault.Hits() != 1 {
				t.Errorf("the fault applied %d times", fault.Hits())
			}
		})
	}
}

// TestListingFaults: a session that could not be listed is an error, and
// never empty and never absent.
func TestListingFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		effects []sandbox.Effect
		errno   syscall.Errno
	}{
		"server error":      {[]sandbox.Effect{sandbox.Status(500)}, syscall.EIO},
		"unsigned":          {[]sandbox.Effect{sandbox.Unsigned()}, syscall.EIO},
		"unsigned 404":      {[]sandbox.Effect{sandbox.Status(404), sandbox.Unsigned()}, syscall.EIO},
		"cut":               {[]sandbox.Effect{sandbox.Cut(20)}, syscall.EIO},
		"an error sent OK":  {[]sandbox.Effect{sandbox.Envelope()}, syscall.EIO},
		"a decision":        {[]sandbox.Effect{sandbox.Body(200, "application/json", []byte(`{"status":"success","verification":{"status":"approved"}}`))}, syscall.EIO},
		"a bare success":    {[]sandbox.Effect{sandbox.Body(200, "application/json", []byte(`{"status":"success"}`))}, syscall.EIO},
		"no JSON":           {[]sandbox.Effect{sandbox.Body(200, "text/html", []byte("<html>"))}, syscall.EIO},
		"bad request":       {[]sandbox.Effect{sandbox.Status(400)}, syscall.EIO},
		"refused":           {[]sandbox.Effect{sandbox.Fail(401, "1803", "no such integration")}, syscall.EACCES},
		"signed not found":  {[]sandbox.Effect{sandbox.Status(404)}, syscall.ENOENT},
		"too many requests": {[]sandbox.Effect{sandbox.Status(429), sandbox.RetryAfter("2")}, syscall.EIO},
		"a proxy's refusal": {[]sandbox.Effect{sandbox.Body(403, "text/html", []byte("<html>")), sandbox.Unsigned()}, syscall.EACCES},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, fault.effects...)
			path, _, _ := w.one()
			if entries, err := os.ReadDir(filepath.Dir(path)); !isErrno(err, fault.errno) {
				t.Errorf("the directory: %d entries, %v; want %v", len(entries), err, fault.errno)
			}
			if _, err := os.Stat(path); !isErrno(err, fault.errno) {
				t.Errorf("the file: %v; want %v", err, fault.errno)
			}
			w.ClearFaults()
			if fault.errno == syscall.ENOENT {
				return // the API's word holds until its time to live has passed
			}
			if name == "too many requests" {
				// What was limited again and again is not asked for at once.
				eventually(t, "the list can be asked for", func() bool {
					_, err := os.ReadDir(filepath.Dir(path))
					return err == nil
				})
			}
			if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 3 {
				t.Errorf("after the fault: %d entries, %v", len(entries), err)
			}
		})
	}
}

// TestWithoutDates: when the attempts can't be had, the files are there all
// the same.
func TestWithoutDates(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	w.Set(sandbox.Match{Kind: sandbox.SessionAttempts}, sandbox.Status(500))
	path, _, content := w.one()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestDeleted: what the API says is gone is gone, from the listing and from
// the cache, and a walk over it ends without errors.
func TestDeleted(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1}) // every entry asks
	path, f, content := w.one()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Fatal(len(got), err)
	}
	met, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(met)
	gone := w.Sessions()[0].ID
	w.DeleteSession(gone)
	if _, err := os.ReadDir(filepath.Dir(path)); !isErrno(err, syscall.ENOENT) {
		t.Fatalf("a deleted session: %v", err)
	}
	if _, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", met)); !isErrno(err, syscall.ENOENT) {
		t.Errorf("its file, for somebody who had met it: %v", err)
	}
	eventually(t, "its file leaves the cache", func() bool { return !w.cache.Has(cache.Key("media/" + f.ID.String())) })
	eventually(t, "the path is gone", func() bool {
		_, err := os.Stat(path)
		return isErrno(err, syscall.ENOENT)
	})
}

// TestDeletedFile: a file that its session no longer lists is gone, too, and its
// neighbours are not.
func TestDeletedFile(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	path, f, _ := w.one()
	w.mustShell(`cat sessions/*/* >/dev/null`)
	w.DeleteMedia(f.ID)
	w.lib.ForgetListing(w.SessionIDs()[0])
	if names := w.names("sessions", w.SessionIDs()[0].String()); slices.Contains(names, filepath.Base(path)) {
		t.Errorf("it is listed: %q", names)
	}
	eventually(t, "it leaves the cache and the mount", func() bool {
		_, err := os.Stat(path)
		return isErrno(err, syscall.ENOENT) && !w.cache.Has(cache.Key("media/"+f.ID.String()))
	})
	for _, neighbour := range w.Sessions()[0].Attempts[0].Media {
		if !w.cache.Has(cache.Key("media/" + neighbour.ID.String())) {
			t.Errorf("%s left the cache as well", neighbour.ID)
		}
	}
}

// TestFindOverOldIDs: sessions that are no longer there leave sessions/, so
// that the second walk over a file of old ids ends without an error.
func TestFindOverOldIDs(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	gone := w.SessionIDs()[0]
	w.DeleteSession(gone)
	_, _ = w.shell(`find sessions`) // learns that one has gone
	if len(w.logged.lines()) != 0 {
		t.Errorf("warnings: %v", w.logged.lines())
	}
	eventually(t, "find meets no error", func() bool {
		out, err := w.shell(`find sessions`)
		return err == nil && !strings.Contains(out, gone.String())
	})
}

// TestUnlistedSession: a session that no file names can be entered.
func TestUnlistedSession(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, unlisted: true})
	if out := w.mustShell(`ls sessions`); out != "" {
		t.Errorf("sessions that nobody named: %s", out)
	}
	path, _, content := w.one()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	unknown := "6f1c1c55-4c35-4b9a-8c61-9e5d1b7b0a11"
	if _, err := os.Stat(w.path("sessions", unknown)); !isErrno(err, syscall.ENOENT) {
		t.Errorf("an unknown session: %v", err)
	}
	if n := w.requests(func() {
		for _, name := range []string{unknown, ".DS_Store", ".Trash", "autorun.inf", "._x", "x", strings.ToUpper(w.SessionIDs()[0].String())} {
			if _, err := os.Stat(w.path("sessions", name)); !isErrno(err, syscall.ENOENT) {
				t.Errorf("sessions/%s: %v", name, err)
			}
		}
	}); n != 0 {
		t.Errorf("names that are absent or impossible cost %d requests", n)
	}
}

// TestOffline: without the API, what is cached stays, and what is not is an
// error and not absent.
func TestOffline(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small, listTTL: 1})
	path, _, content := w.one()
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	other := w.path("sessions", w.Sessions()[1].ID.String())
	w.server.Down()
	if _, err := os.ReadDir(other); !isErrno(err, syscall.EIO) {
		t.Errorf("a session never entered: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("a cached file: %d bytes, %v", len(got), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 3 {
		t.Errorf("a known session: %d entries, %v", len(entries), err)
	}
	if err := w.server.Up(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API is found again", func() bool {
		_, err := os.ReadDir(other)
		return err == nil
	})
}
