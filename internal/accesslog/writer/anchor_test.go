package writer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logtest"
)

// TestAnchors: what a command and a file were given verifies the log, and finds a
// rollback.
func TestAnchors(t *testing.T) {
	w := newWorld(t)
	file, command := filepath.Join(w.Dir, "by file"), filepath.Join(w.Dir, "by command")
	byCommand, err := anchor.Parse(`exec:cat >> "` + command + `"`)
	if err != nil {
		t.Fatal(err)
	}
	anchors := []anchor.Anchor{w.ToFile(file), byCommand}
	for range 2 {
		l := w.open(func(o *Options) { o.Anchors = anchors })
		w.Fill(l, 3)
		w.Close(l)
	}
	for _, path := range []string{file, command} {
		text, err := os.ReadFile(path)
		if err != nil || len(anchor.Notes(string(text))) < 2 {
			t.Errorf("%q %v", text, err)
		}
		if r := w.Verify(path); !r.OK() || r.Compared[2].Size != 6 {
			t.Errorf("%+v", r)
		}
	}
	// The same in lines of a system log.
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var syslog strings.Builder
	for _, n := range anchor.Notes(string(text)) {
		syslog.WriteString("Nov 27 10:00:00 host veriffs[17]: access log checkpoint: " + strings.ReplaceAll(strings.TrimSuffix(n, "\n"), "\n", " | ") + "\nNov 27 10:00:01 host cron[1]: else\n")
	}
	w.Put("syslog", []byte(syslog.String()))
	if r := w.Verify(filepath.Join(w.Dir, "syslog")); !r.OK() || r.Compared[2].Size != 6 {
		t.Errorf("%+v", r)
	}
	w.Put("syslog", []byte(strings.Replace(syslog.String(), " | 6 | ", " | 7 | ", 1)))
	logtest.Finds(t, w.Verify(filepath.Join(w.Dir, "syslog")), audit.Damaged, -1)
}

// stuck is an anchor that does not answer before it is let go.
type stuck struct{ asked, letGo chan struct{} }

func (stuck) Name() string { return "stuck" }
func (s stuck) Publish(_ context.Context, _ []byte) error {
	s.asked <- struct{}{}
	<-s.letGo
	return errors.New("given up")
}

// failing is one that fails at first.
type failing struct {
	mu    sync.Mutex
	times int
	took  []byte
}

func (*failing) Name() string { return "failing" }
func (f *failing) Publish(_ context.Context, text []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times--; f.times >= 0 {
		return errors.New("not now")
	}
	f.took = text
	return nil
}

// TestAnchorFails: an anchor that hangs or fails keeps nobody from anything, and is
// complained of.
func TestAnchorFails(t *testing.T) {
	w := newWorld(t)
	hangs, fails := stuck{make(chan struct{}, 10), make(chan struct{})}, &failing{times: 1}
	l := w.open(required, func(o *Options) { o.Anchors = []anchor.Anchor{hangs, fails} })
	w.Fill(l, 3)
	if err := l.Sign(); err != nil {
		t.Fatal(err)
	}
	<-hangs.asked
	w.Fill(l, 3)
	close(hangs.letGo)
	w.Close(l)
	w.Verifies()
	if !strings.Contains(w.Said.String(), "anchor=failing") || len(fails.took) == 0 {
		t.Errorf("%s\n%q", w.Said.String(), fails.took)
	}
}
