package accesslog

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veriffs/internal/installation"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// childVariable makes the test binary write to a log until it is killed.
const childVariable = "VERIFFS_TEST_LOG"

// world is a log's directory with an installation of its own.
type world struct {
	t    testing.TB
	dir  string
	key  *installation.Key
	now  time.Time
	said strings.Builder
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := memoryDir(t)
	key, err := installation.Open(filepath.Join(dir, "installation", "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir, key: key, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
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

func (w *world) path() string { return filepath.Join(w.dir, "log", "access.log") }

func (w *world) options() Options {
	return Options{Path: w.path(), Key: w.key, Common: Record{Version: "1.0", Profile: "test"},
		Logger: slog.New(slog.NewTextHandler(&w.said, nil))}
}

func (w *world) open(change ...func(*Options)) *Log {
	w.t.Helper()
	o := w.options()
	for _, f := range change {
		f(&o)
	}
	l, err := Open(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func required(o *Options) { o.Mode = Required }

// opened is a record of an open in the n-th session.
func opened(n int) Record {
	return Record{Operation: OpOpen, Outcome: Success, Session: session(n), Media: fmt.Sprintf("media-%d", n), From: FromCache,
		Size: 1000, SHA256: strings.Repeat("ab", 32), SecretID: "s1",
		Caller: &Caller{UID: 1000, GID: 1000, LoginUID: 1000, TID: 5, PID: 4, PPID: 1, Command: "eog", Executable: "/usr/bin/eog"}}
}

func session(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// fill writes n records.
func (w *world) fill(l *Log, n int) {
	w.t.Helper()
	for i := range n {
		if err := l.Record(opened(i)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) close(l *Log) {
	w.t.Helper()
	if err := l.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// lines returns the records in the current file.
func (w *world) lines() []Record {
	w.t.Helper()
	text, err := os.ReadFile(w.path())
	if err != nil {
		w.t.Fatal(err)
	}
	var all []Record
	for line := range strings.Lines(string(text)) {
		r, err := parseRecord([]byte(line))
		if err != nil {
			w.t.Fatalf("%v: %q", err, line)
		}
		all = append(all, r)
	}
	return all
}

func TestRecord(t *testing.T) {
	for _, mode := range []Mode{BestEffort, Required} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t)
			l := w.open(func(o *Options) { o.Mode = mode })
			w.fill(l, 5)
			w.close(l)
			l = w.open()
			w.fill(l, 2)
			w.close(l)
			all := w.lines()
			if len(all) != 7 {
				t.Fatalf("%d records", len(all))
			}
			for i, r := range all {
				if r.Sequence != uint64(i) || r.Version != "1.0" || r.Boot == "" || r.Host == "" || len(r.Salt) != 32 || r.Monotonic == 0 || r.Caller.Command != "eog" {
					t.Errorf("record %d: %+v", i, r)
				}
			}
			if w.said.Len() > 0 {
				t.Error(w.said.String())
			}
		})
	}
}

// TestRecordTogether: two logs, as in two processes, and many goroutines write at
// once, over several files.
func TestRecordTogether(t *testing.T) {
	w := newWorld(t)
	small := func(o *Options) { o.MaxFile = 20_000 }
	logs := []*Log{w.open(small), w.open(small, required)}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				if err := logs[i%2].Record(opened(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, l := range logs {
		w.close(l)
	}
	rotated, err := files{w.path()}.rotatedFiles()
	if err != nil || len(rotated) < 5 {
		t.Fatal(rotated, err)
	}
	w.verifies()
}

func BenchmarkRecord(b *testing.B) {
	for _, mode := range []Mode{BestEffort, Required} {
		b.Run(string(mode), func(b *testing.B) {
			w := newWorld(b)
			l := w.open(func(o *Options) { o.Mode = mode })
			r := opened(1)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := l.Record(r); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			lost := l.Lost()
			b.ReportMetric(float64(lost)/float64(b.N), "lost/op")
			l.Close()
		})
	}
}
