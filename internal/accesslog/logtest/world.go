// Package logtest makes the surroundings of an access log for the tests of the
// packages beside it: a directory with an installation's key, its files to change and
// to put back, and what a verification must find.
package logtest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
)

// World is a log's directory with an installation of its own.
type World struct {
	T    testing.TB
	Dir  string // log/ and installation/ are in it
	Key  *installation.Key
	Said strings.Builder // what the log told the program's
}

// New makes a world that ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	dir := memoryDir(t)
	key, err := installation.Open(filepath.Join(dir, "installation", "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &World{T: t, Dir: dir, Key: key}
}

// memoryDir is a directory in memory if there can be one: the exhaustive tests change
// files tens of thousands of times.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "veriffs-log-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Path is the log.
func (w *World) Path() string { return filepath.Join(w.Dir, "log", "access.log") }

// Opened is a record of an open in the n-th session.
func Opened(n int) accesslog.Record {
	return accesslog.Record{Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: Session(n), Media: fmt.Sprintf("media-%d", n), From: accesslog.FromCache,
		Size: 1000, SHA256: strings.Repeat("ab", 32), SecretID: "s1",
		Caller: &accesslog.Caller{UID: 1000, GID: 1000, LoginUID: 1000, TID: 5, PID: 4, PPID: 1, Command: "eog", Executable: "/usr/bin/eog"}}
}

// Fill writes n records.
func (w *World) Fill(l accesslog.Recorder, n int) {
	w.T.Helper()
	for i := range n {
		if err := l.Record(w.T.Context(), Opened(i)); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Close closes a log.
func (w *World) Close(l io.Closer) {
	w.T.Helper()
	if err := l.Close(); err != nil {
		w.T.Fatal(err)
	}
}

// ToFile is the anchor that appends to a file.
func (w *World) ToFile(path string) anchor.Anchor {
	w.T.Helper()
	a, err := anchor.Parse("file:" + path)
	if err != nil {
		w.T.Fatal(err)
	}
	return a
}

// Session is the id of the n-th session.
func Session(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// Clock is a time that passes by a step whenever it is asked for.
func Clock(step time.Duration) func() time.Time {
	var steps atomic.Int64
	return func() time.Time {
		return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(steps.Add(1)) * step)
	}
}

// Soak skips a test that takes its time unless VERIFFS_SOAK is set.
func Soak(t *testing.T) {
	t.Helper()
	if os.Getenv("VERIFFS_SOAK") == "" {
		t.Skip("VERIFFS_SOAK is not set")
	}
}

// Forge begins a log with these records, whatever they say, as the key's owner could.
func (w *World) Forge(records ...accesslog.Record) {
	w.T.Helper()
	var (
		edge         logfile.Frontier
		text, hashes []byte
	)
	for i, r := range records {
		r.Sequence = uint64(i)
		line, err := json.Marshal(r)
		if err != nil {
			w.T.Fatal(err)
		}
		text = append(append(text, line...), '\n')
		hashes = logfile.AppendHashes(hashes, edge.Add(logfile.RecordHash(line)))
	}
	const origin = "veriffs/forged"
	signer, err := w.Key.Signer(origin)
	if err != nil {
		w.T.Fatal(err)
	}
	checkpoint, err := logfile.Checkpoint{Origin: origin, Size: edge.N, Root: edge.Root()}.Sign(signer)
	if err != nil {
		w.T.Fatal(err)
	}
	w.Put("log/access.log", text)
	w.Put("log/access.log.tree", hashes)
	w.Put("log/access.log.checkpoint", checkpoint)
}
