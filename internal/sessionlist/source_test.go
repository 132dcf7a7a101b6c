package sessionlist

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"veriffs/veriff"
)

func TestMain(m *testing.M) {
	if child := os.Getenv("SESSIONLIST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	goleak.VerifyTestMain(m)
}

// watched is a Source with what it told.
type watched struct {
	*Source
	mu      sync.Mutex
	removed []veriff.SessionID
	seen    []veriff.SessionID // at the last change
	log     safeBuffer
}

func watch(t *testing.T, files ...string) *watched {
	t.Helper()
	w := &watched{}
	opened := make(chan struct{})
	options := Options{
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
		Stdin:  strings.NewReader(""),
		OnChange: func() {
			<-opened
			w.mu.Lock()
			defer w.mu.Unlock()
			now := w.Snapshot()
			w.removed = append(w.removed, missing(w.seen, now)...)
			w.seen = now
		},
	}
	var err error
	if w.Source, err = Open(t.Context(), files, options); err != nil {
		t.Fatal(err)
	}
	close(opened)
	t.Cleanup(w.Close)
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// deadline is when a test gives up waiting: far beyond what is promised, for
// a busy machine must not fail it.
const deadline = 20 * time.Second

// eventually waits until the condition holds.
func eventually(t *testing.T, what func() string) {
	t.Helper()
	var diff string
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if diff = what(); diff == "" {
			return
		}
	}
	t.Fatal(diff)
}

// becomes waits until the sessions are those, and OnChange saw them.
func (w *watched) becomes(t *testing.T, want ...int) {
	t.Helper()
	wanted := ids(want...)
	eventually(t, func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := w.Snapshot(); !slices.Equal(got, wanted) || !slices.Equal(got, w.seen) {
			return fmt.Sprintf("want %d sessions, have %d, told of %d", len(wanted), len(got), len(w.seen))
		}
		return ""
	})
}

// gone returns which ids were ever told as removed.
func (w *watched) gone() []veriff.SessionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.removed)
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(fill(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSaving saves in every way that editors and scripts do. Each replaces
// session 1 by 2 and keeps 3, which must never be told as removed.
func TestSaving(t *testing.T) {
	const old, new = "@1\n@3\n", "@2\n@3\n"
	for _, tt := range []struct {
		name string
		save func(t *testing.T, dir, name string)
	}{
		{"truncate and write", func(t *testing.T, dir, name string) { write(t, name, new) }},
		{"truncate, write slowly", func(t *testing.T, dir, name string) {
			f, err := os.Create(name)
			must(t, err)
			defer f.Close()
			for part := range strings.SplitAfterSeq(fill(new), "-") {
				_, err := f.WriteString(part)
				must(t, err)
				time.Sleep(time.Millisecond) // a slow writer, not a wait for anything
			}
		}},
		{"rename over", func(t *testing.T, dir, name string) {
			write(t, name+".new", new)
			must(t, os.Rename(name+".new", name))
		}},
		{"backup by renaming, then create", func(t *testing.T, dir, name string) { // vim, backupcopy=no
			must(t, os.Rename(name, name+"~"))
			write(t, name, new)
			must(t, os.Remove(name+"~"))
		}},
		{"backup by copying, then truncate", func(t *testing.T, dir, name string) { // vim, backupcopy=yes
			write(t, name+"~", old)
			write(t, name, new)
			must(t, os.Remove(name+"~"))
		}},
		{"remove, then create", func(t *testing.T, dir, name string) {
			must(t, os.Remove(name))
			write(t, name, new)
		}},
		{"rename over, same size and time", func(t *testing.T, dir, name string) {
			info, err := os.Stat(name)
			must(t, err)
			write(t, name+".new", new)
			must(t, os.Chtimes(name+".new", info.ModTime(), info.ModTime()))
			must(t, os.Rename(name+".new", name))
		}},
		{"directory replaced", func(t *testing.T, dir, name string) {
			must(t, os.Rename(dir, dir+".old"))
			must(t, os.Mkdir(dir, 0o700))
			write(t, name, new)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "d")
			must(t, os.Mkdir(dir, 0o700))
			name := filepath.Join(dir, "sessions.txt")
			write(t, name, old)
			w := watch(t, name)
			w.becomes(t, 1, 3)
			tt.save(t, dir, name)
			w.becomes(t, 2, 3)
			if diff := cmp.Diff(ids(1), w.gone()); diff != "" {
				t.Errorf("removed: %s", diff)
			}
		})
	}
}

func TestSymbolicLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// As Kubernetes mounts a ConfigMap: name -> ..data/name, ..data -> ..v1
	for version, text := range map[string]string{"..v1": "@1\n@3\n", "..v2": "@2\n@3\n"} {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "sessions.txt"), text)
	}
	must(t, os.Symlink("..v1", filepath.Join(dir, "..data")))
	name := filepath.Join(dir, "sessions.txt")
	must(t, os.Symlink("..data/sessions.txt", name))
	w := watch(t, name)
	w.becomes(t, 1, 3)

	must(t, os.Symlink("..v2", filepath.Join(dir, "..tmp")))
	must(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	w.becomes(t, 2, 3)

	write(t, filepath.Join(dir, "..v2", "sessions.txt"), "@3\n@4\n") // behind the link
	w.becomes(t, 3, 4)
	if n, err := NewFile(name).Add(t.Context(), ids(5)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.becomes(t, 3, 4, 5)
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v, %v", info, err)
	}
}

func TestMissingAndUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "not", "yet", "sessions.txt")
	w := watch(t, name)
	w.becomes(t)
	must(t, os.MkdirAll(filepath.Dir(name), 0o700))
	write(t, name, "@1\n@2\n")
	w.becomes(t, 1, 2)

	// Each of these says nothing about sessions, so that 1 and 2 stay.
	logged := func(s string) {
		t.Helper()
		eventually(t, func() string {
			if strings.Contains(w.log.String(), s) {
				return ""
			}
			return "not logged: " + s
		})
	}
	write(t, name, "Dear John Doe\n")
	logged("no session id in it")
	write(t, name, "%PDF-1.7\x00\x00\x00 @1\n")
	logged("neither UTF-8 text")
	must(t, os.Remove(name))
	logged("is gone")
	must(t, os.Mkdir(name, 0o700))
	logged("not a regular file")
	must(t, os.Remove(name))
	w.becomes(t, 1, 2)
	if gone := w.gone(); len(gone) > 0 {
		t.Errorf("removed: %v", gone)
	}

	write(t, name, "# none\n")
	w.becomes(t)
	write(t, name, "@1\n7 John Doe\n")
	w.becomes(t, 1)
	logged("line=2")
	if strings.Contains(w.log.String(), "John") {
		t.Errorf("a line's content is in the log:\n%s", w.log.String())
	}
}

func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.csv")
	write(t, a, "@1\n@2\n")
	write(t, b, "session id\n@2\n@3\n")
	w := watch(t, a, b, a)
	w.becomes(t, 1, 2, 3)
	write(t, a, "@1\n")
	write(t, b, "session id\n@2\n")
	w.becomes(t, 1, 2)
	if diff := cmp.Diff(ids(3), w.gone()); diff != "" {
		t.Errorf("removed: %s", diff)
	}
}

func TestHundredThousand(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sessions.txt")
	write(t, name, "@1\n")
	w := watch(t, name)
	var all []int
	for n := range 100_000 {
		all = append(all, n+1)
	}
	began := time.Now()
	if n, err := NewFile(name).Add(t.Context(), ids(all...)); n != len(all)-1 || err != nil {
		t.Fatal(n, err)
	}
	written := time.Since(began)
	w.becomes(t, all...)
	t.Logf("written in %v, shown after %v", written, time.Since(began)-written)
}
