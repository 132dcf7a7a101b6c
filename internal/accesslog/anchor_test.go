package accesslog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestParseAnchor(t *testing.T) {
	for _, text := range []string{"", "syslog", "syslog:x", "exec:", "file:", "s3://bucket", "tape:x"} {
		if a, err := ParseAnchor(text); err == nil {
			t.Errorf("%q is %v", text, a)
		}
	}
	for _, text := range []string{"syslog:", "exec:cat", "file:/tmp/x"} {
		if a, err := ParseAnchor(text); err != nil || a.Name() != text {
			t.Errorf("%q is %v, %v", text, a, err)
		}
	}
}

// TestAnchors: what a command and a file were given verifies the log, and finds a
// rollback.
func TestAnchors(t *testing.T) {
	w := newWorld(t)
	file, command := filepath.Join(w.dir, "by file"), filepath.Join(w.dir, "by command")
	anchors := []Anchor{fileAnchor(file), execAnchor(`cat >> "` + command + `"`)}
	for range 2 {
		l := w.open(func(o *Options) { o.Anchors = anchors })
		w.fill(l, 3)
		w.close(l)
	}
	for _, path := range []string{file, command} {
		text, err := os.ReadFile(path)
		if err != nil || len(splitNotes(string(text))) < 2 {
			t.Errorf("%q %v", text, err)
		}
		if r := w.verify(path); !r.OK() || r.Compared[2].Size != 6 {
			t.Errorf("%+v", r)
		}
	}
	// The same in lines of a system log.
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var syslog strings.Builder
	for _, n := range splitNotes(string(text)) {
		syslog.WriteString("Nov 27 10:00:00 host veriffs[17]: " + syslogPrefix + oneLine([]byte(n)) + "\nNov 27 10:00:01 host cron[1]: else\n")
	}
	w.put("syslog", []byte(syslog.String()))
	if r := w.verify(filepath.Join(w.dir, "syslog")); !r.OK() || r.Compared[2].Size != 6 {
		t.Errorf("%+v", r)
	}
	w.put("syslog", []byte(strings.Replace(syslog.String(), " | 6 | ", " | 7 | ", 1)))
	finds(t, w.verify(filepath.Join(w.dir, "syslog")), Damaged, -1)
}

// stuck is an anchor that does not answer before it must.
type stuck struct{ asked chan struct{} }

func (stuck) Name() string { return "stuck" }
func (s stuck) Publish(ctx context.Context, _ []byte) error {
	s.asked <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
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
	hangs, fails := stuck{make(chan struct{}, 10)}, &failing{times: 1}
	l := w.open(required, func(o *Options) { o.Anchors = []Anchor{hangs, fails} })
	w.fill(l, 3)
	if err := l.Sign(); err != nil {
		t.Fatal(err)
	}
	<-hangs.asked
	w.fill(l, 3)
	stopped := make(chan struct{})
	go func() { defer close(stopped); l.Close() }()
	for done := false; !done; { // the hanging one is given up only after a while
		select {
		case <-stopped:
			done = true
		case <-hangs.asked:
		default:
			l.external.mu.Lock()
			cancel := l.external.cancel
			l.external.mu.Unlock()
			cancel()
		}
	}
	w.verifies()
	if !strings.Contains(w.said.String(), "anchor=failing") || len(fails.took) == 0 {
		t.Errorf("%s\n%q", w.said.String(), fails.took)
	}
}
