package fs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// ledger is an access log in memory.
type ledger struct {
	mu      sync.Mutex
	records []accesslog.Record
	err     error // of the next ones
}

func (l *ledger) Record(_ context.Context, r accesslog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return l.err
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// take returns the records since the last call. That of an open is there once the
// open returns.
func (l *ledger) take() []accesslog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.records = nil }()
	return l.records
}

// only takes the one record that there must be.
func (l *ledger) only(t *testing.T) accesslog.Record {
	t.Helper()
	records := l.take()
	if len(records) != 1 {
		t.Fatalf("%d records: %+v", len(records), records)
	}
	return records[0]
}

func recorded(t *testing.T, config worldConfig) (*world, *ledger) {
	t.Helper()
	l := new(ledger)
	config.records = l
	return newWorld(t, config), l
}

// TestRecordsOfOpens opens a file in every way there is: one record each, and
// none of whatever else is done.
func TestRecordsOfOpens(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: sandbox.Options{Scale: sandbox.Scale{Sessions: 1, Attempts: 2, Files: 3, FileSize: 50_000}}})
	session := w.Sessions()[0]
	attempt := session.Attempts[0]
	file := attempt.Media[0]
	sum := sha256.Sum256(w.Bytes(file.ID))
	want := accesslog.Record{
		Operation: accesslog.OpOpen, Outcome: accesslog.Success,
		Session: session.ID.String(), Attempt: attempt.ID.String(), Media: file.ID.String(), Context: file.Context,
		Size: file.Size, SHA256: hex.EncodeToString(sum[:]), SecretID: veriff.SecretID(w.Secrets()[0]),
	}
	w.mustShell(`ls -lR . >/dev/null; find . -size +0 >/dev/null; cat README.txt; cd "sessions/$1"; stat *`, session.ID.String())
	if records := l.take(); len(records) != 0 {
		t.Errorf("nobody has opened a file: %+v", records)
	}
	byContext := w.mustShell(`cd "by-context/$1"; for n in *; do case $(readlink $n) in *$2*) echo $n;; esac; done`, session.ID.String(), file.ID.String())
	for i, path := range []string{
		"sessions/" + session.ID.String() + "/" + fileName(file),
		"sessions/" + session.ID.String() + "/" + fileName(file), // from the kernel's pages
		"attempts/" + attempt.ID.String() + "/" + fileName(file),
		"by-context/" + session.ID.String() + "/" + strings.TrimSpace(byContext),
	} {
		w.mustShell(`cat "$1" >/dev/null`, path)
		got := l.only(t)
		want.From = accesslog.FromCache
		if i == 0 {
			want.From = accesslog.FromAPI
		}
		who := got.Caller
		got.Caller = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", path, diff)
		}
		if who == nil || who.Command != "cat" || who.PID == 0 || who.TID != who.PID || who.PPID == 0 || who.Inode == 0 || len(who.Unknown) > 0 ||
			int(who.UID) != os.Getuid() || int(who.GID) != os.Getgid() {
			t.Errorf("%s: the caller is %+v", path, who)
		}
	}
	old := session.Attempts[1]
	w.mustShell(`cat "attempts/$1/$2" >/dev/null`, old.ID.String(), fileName(old.Media[0]))
	if r := l.only(t); r.Session != session.ID.String() || r.Attempt != old.ID.String() || r.Media != old.Media[0].ID.String() {
		t.Errorf("of an older attempt: %+v", r)
	}
}

// TestOpenedNotRead: a shell opens a file, and others read what it passes on. That is
// one open, until somebody opens it again by its descriptor.
func TestOpenedNotRead(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small})
	path, f, _ := w.one()
	w.mustShell(`exec 3< "$1"; head -c 10 <&3 >/dev/null; cat <&3 >/dev/null`, path)
	if r := l.only(t); r.Caller.Command != "sh" || r.Media != f.ID.String() {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
	w.mustShell(`exec 3< "$1"; cat /proc/$$/fd/3 >/dev/null`, path)
	if records := l.take(); len(records) != 2 || records[1].Caller.Command != "cat" || records[1].Media != f.ID.String() {
		t.Errorf("%+v", records)
	}
}

func TestRecordsOfDocuments(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small})
	id := w.Sessions()[0].ID
	w.mustShell(`ls -l "metadata/$1"`, id.String())
	body := w.Document(sandbox.Decision, id)
	sum := sha256.Sum256(body)
	want := accesslog.Record{
		Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: id.String(), Document: "decision.json",
		Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]), SecretID: veriff.SecretID(w.Secrets()[0]), From: accesslog.FromCache,
	}
	got := func() accesslog.Record {
		w.mustShell(`cat "metadata/$1/decision.json" >/dev/null`, id.String())
		r := l.only(t)
		if r.Caller == nil || r.Caller.Command != "cat" {
			t.Errorf("the caller is %+v", r.Caller)
		}
		r.Caller = nil
		return r
	}
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.remount()
	want.From = accesslog.FromCache
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Errorf("after a remount (-want +got)\n%s", diff)
	}
}

// TestRecordOfStaleDocument: a document that is asked for while it is opened is one from
// the API.
func TestRecordOfStaleDocument(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small, listTTL: time.Nanosecond})
	w.mustShell(`cat "metadata/$1/decision.json" >/dev/null`, w.Sessions()[0].ID.String())
	if r := l.only(t); r.From != accesslog.FromAPI || r.SHA256 == "" {
		t.Errorf("%+v", r)
	}
}

// TestRecordsOfFailures: an open that fails is recorded with its errno and its
// cause.
func TestRecordsOfFailures(t *testing.T) {
	for name, failure := range map[string]struct {
		effects []sandbox.Effect
		errno   string
		outcome accesslog.Outcome
		says    string
	}{
		"gone":         {[]sandbox.Effect{sandbox.Status(404)}, "ENOENT", accesslog.Failed, "not found"},
		"refused":      {[]sandbox.Effect{sandbox.Fail(401, "1818", "Signature mismatch")}, "EACCES", accesslog.Refused, "1818"},
		"wrong bytes":  {[]sandbox.Effect{sandbox.FlipByte(5000)}, "EIO", accesslog.Failed, "signature"},
		"server error": {[]sandbox.Effect{sandbox.Status(500)}, "EIO", accesslog.Failed, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, l := recorded(t, worldConfig{sandbox: small})
			path, f, _ := w.one()
			w.mustShell(`stat "$1"`, path)
			w.Set(sandbox.Match{Kind: sandbox.Media, ID: f.ID.String()}, failure.effects...)
			if _, err := w.shell(`cat "$1"`, path); err == nil {
				t.Fatal("it was opened")
			}
			r := l.only(t)
			if r.Outcome != failure.outcome || r.Errno != failure.errno || !strings.Contains(r.Error, failure.says) {
				t.Errorf("%s, %s: %s", r.Outcome, r.Errno, r.Error)
			}
			if r.Session == "" || r.Media != f.ID.String() || r.Size != 0 || r.SHA256 != "" || r.From != "" || r.SecretID != "" || r.Caller == nil || r.Caller.Command != "cat" {
				t.Errorf("%+v of %+v", r, r.Caller)
			}
		})
	}
}

// TestRecordOfWriting: the kernel refuses to write by itself, and nobody learns of
// it. In a mount that root has made writable, it is recorded.
func TestRecordOfWriting(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small})
	path, f, _ := w.one()
	open := func() error {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	if err := open(); !isErrno(err, syscall.EROFS) && !isErrno(err, syscall.EACCES) {
		t.Fatal(err)
	}
	if records := l.take(); len(records) != 0 {
		t.Errorf("%+v", records)
	}
	if err := unix.Mount("", w.point, "", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		t.Skipf("only root changes mounts: %v", err)
	}
	if err := open(); !isErrno(err, syscall.EROFS) {
		t.Fatal(err)
	}
	if r := l.only(t); r.Outcome != accesslog.Refused || r.Errno != "EROFS" || r.Media != f.ID.String() {
		t.Errorf("%+v", r)
	}
}

// TestNoRecordNoOpen: what can't be recorded is not opened, and nothing of it stays
// open.
func TestNoRecordNoOpen(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small, noReadAhead: true})
	path, _, content := w.one()
	document := w.path("metadata", w.Sessions()[0].ID.String(), "decision.json")
	w.mustShell(`cat "$1" "$2" >/dev/null`, path, document)
	eventually(t, "the mount has closed the object", func() bool { return w.cache.Stats().Open == 0 })
	l.fail(errors.New("the disk of the log is full"))
	for _, name := range []string{path, document} {
		if got, err := os.ReadFile(name); !isErrno(err, syscall.EIO) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	}
	if n := w.cache.Stats().Open; n != 0 {
		t.Errorf("%d objects are open", n)
	}
	if lines := w.logged.lines("the disk of the log is full", "EIO"); len(lines) == 0 && len(w.logged.lines("the disk of the log is full", "input/output")) != 2 {
		t.Errorf("the log:\n%s", strings.Join(w.logged.lines(), ""))
	}
	l.fail(nil)
	if got, err := os.ReadFile(path); err != nil || !slices.Equal(got, content) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
}

// TestRecordOfKilled: a program that is killed while it waits is named all the same.
func TestRecordOfKilled(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small, client: patient})
	path, _, _ := w.one()
	w.mustShell(`stat "$1"`, path)
	stalled := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(10))
	cat := w.start("cat", path)
	if err := stalled.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cat.Process.Kill()
	cat.Wait() // which is after the answer to its open
	r := l.only(t)
	if r.Outcome != accesslog.Failed || r.Errno != "EINTR" || r.Caller.Command != "cat" || int(r.Caller.PID) != cat.Process.Pid || len(r.Caller.Unknown) > 0 {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
}

// TestRecordOfEndOfMount: an open that the end of the mount ends.
func TestRecordOfEndOfMount(t *testing.T) {
	w, l := recorded(t, worldConfig{sandbox: small, client: patient})
	path, _, _ := w.one()
	w.mustShell(`stat "$1"`, path)
	stalled := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(10))
	cat := w.start("cat", path)
	if err := stalled.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mount.Unmount(); err != nil {
		t.Fatal(err)
	}
	w.lib.Close()
	cat.Wait()
	if r := l.only(t); r.Outcome != accesslog.Failed || r.Errno != "ENOTCONN" || r.Caller.Command != "cat" {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
}
