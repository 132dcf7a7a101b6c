package writer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

// forge appends lines to the current file without the key, from the next number on.
func forge(w *world, rest ...string) (first int64) {
	w.T.Helper()
	text, err := os.ReadFile(w.Path())
	if err != nil {
		w.T.Fatal(err)
	}
	lines := w.Lines()
	first = int64(lines[len(lines)-1].Sequence) + 1
	for i, r := range rest {
		text = fmt.Appendf(text, `{"seq":%d,%s,"salt":"00"}`+"\n", first+int64(i), r)
	}
	w.Put("log/access.log", text)
	return first
}

// unchecked are the ranges that gap records say were taken up unchecked.
func unchecked(w *world) (all [][2]int64) {
	w.T.Helper()
	for _, r := range w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpLogGap}}) {
		var d accesslog.GapDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			w.T.Fatal(err)
		}
		if d.Unsigned != nil {
			all = append(all, *d.Unsigned)
		}
	}
	return all
}

// TestForgedAuthority: a log-erase or log-retire that somebody appends without the key
// gives no right to destroy signed records, though the log takes it up and signs it.
func TestForgedAuthority(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		kind audit.Kind
		mine func(lines [][]byte, by int64) [][]byte
	}{
		"erase": {`"op":"log-erase","outcome":"success","detail":{"sequences":[[0,3]],"reason":""}`, audit.Erasure,
			func(lines [][]byte, by int64) [][]byte {
				for i := range 4 {
					lines[i] = append(logfile.Stub(int64(i), by), '\n')
				}
				return lines
			}},
		"retire": {`"op":"log-retire","outcome":"success","detail":{"below":3,"keep":"1h"}`, audit.Removed,
			func(lines [][]byte, _ int64) [][]byte { return lines[3:] }},
	} {
		for _, up := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " while up: ", up), func(t *testing.T) {
				w := newWorld(t)
				l := w.open(required)
				w.Fill(l, 6)
				if !up {
					w.Close(l)
				} else if err := l.Sign(); err != nil {
					t.Fatal(err)
				}
				// The second line would take from an honest record what it says.
				by := forge(w, c.line, `"op":"log-gap","outcome":"failed","detail":{"reason":"","unsigned":[0,1]}`)
				if !up {
					l = w.open(required)
				}
				w.Fill(l, 1)
				w.Close(l)
				w.Verifies()
				if got := unchecked(w); !slices.Contains(got, [2]int64{by, by + 1}) {
					t.Errorf("unchecked: %v", got)
				}
				text, err := os.ReadFile(w.Path())
				if err != nil {
					t.Fatal(err)
				}
				lines := slices.Collect(bytes.Lines(text))
				w.Put("log/access.log", bytes.Join(c.mine(lines, by), nil))
				logtest.Finds(t, w.Verify(), c.kind, 0)
			})
		}
	}
}

// TestForgedMount: a line that says that a mount of a running process is up does not keep
// the log from telling that it was taken up unchecked.
func TestForgedMount(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	w.Fill(l, 2)
	w.Close(l)
	m := accesslog.Mount{ID: "feed", PID: os.Getpid(), Start: startTime(os.Getpid()), Boot: bootID(), Namespace: pidNamespace(), Host: process().host}
	first := forge(w, `"op":"mount","outcome":"success","detail":`+string(accesslog.Detail(accesslog.MountDetail{Mount: &m})), `"op":"open","outcome":"success"`)
	l = w.open(required)
	w.Fill(l, 1)
	w.Close(l)
	if got := unchecked(w); !slices.Equal(got, [][2]int64{{first, first + 1}}) {
		t.Errorf("unchecked: %v", got)
	}
	w.Verifies()
}

// TestForgedBeforeSign: no checkpoint covers lines of others before a record tells of them.
func TestForgedBeforeSign(t *testing.T) {
	for name, sign := range map[string]func(l *Log) error{
		"sign":  func(l *Log) error { return l.Sign() },
		"erase": func(l *Log) error { _, err := l.Erase(logtest.Session(0), "", accesslog.Record{}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.open(required)
			w.Fill(l, 2)
			first := forge(w, `"op":"open","outcome":"success"`)
			if err := sign(l); err != nil {
				t.Fatal(err)
			}
			if r, got := w.Verifies(), unchecked(w); r.Signed != r.Records || len(got) != 1 || got[0][1] != first {
				t.Errorf("signed %d of %d, unchecked: %v", r.Signed, r.Records, got)
			}
			w.Close(l)
		})
	}
}

// TestHonestWriters: of two processes that write one log, each signs what the other finds.
func TestHonestWriters(t *testing.T) {
	w := newWorld(t)
	first := w.open(required)
	w.Fill(first, 1)
	if err := first.Sign(); err != nil {
		t.Fatal(err)
	}
	second := w.open(required)
	for range 4 {
		w.Fill(second, 2)
		w.Fill(first, 2)
	}
	w.Close(second)
	w.Close(first)
	// Until they have met, one may find what the other has not signed yet.
	if got := unchecked(w); len(got) > 2 {
		t.Errorf("unchecked: %v", got)
	}
	w.Verifies()
}

// TestUnknownMount: a mount of another host or numbering of processes gets a record, and
// no longer counts as up.
func TestUnknownMount(t *testing.T) {
	for name, change := range map[string]func(m *accesslog.Mount){
		"host":      func(m *accesslog.Mount) { m.Host = "box1" },
		"namespace": func(m *accesslog.Mount) { m.Namespace = "pid:[1]" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.open(required)
			m := accesslog.Mount{ID: "feed", Mountpoint: "/m", PID: 1, Start: 1, Boot: bootID(), Namespace: pidNamespace(), Host: process().host}
			change(&m)
			if err := l.Record(t.Context(), accesslog.Record{Operation: accesslog.OpMount, Outcome: accesslog.Success, Detail: accesslog.Detail(accesslog.MountDetail{Mount: &m})}); err != nil {
				t.Fatal(err)
			}
			w.Close(l)
			for range 2 {
				l = w.open(required)
				if err := l.Mounted(accesslog.Record{}); err != nil {
					t.Fatal(err)
				}
				if err := l.Unmounted(accesslog.Record{}); err != nil {
					t.Fatal(err)
				}
				w.Close(l)
			}
			all := w.All(accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpUnclean}})
			if len(all) != 1 || all[0].Mountpoint != "/m" || !strings.Contains(all[0].Error, "nothing tells whether it has ended") {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestEmptyDirectory: a process whose log's directory was replaced by an empty one
// begins no other log in it.
func TestEmptyDirectory(t *testing.T) {
	w := newWorld(t)
	l := w.open(required)
	w.Fill(l, 2)
	dir := filepath.Dir(w.Path())
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), logtest.Opened(1)); err == nil {
		t.Error("acknowledged")
	}
	if err := l.Close(); err == nil {
		t.Error("closed in order")
	}
	if _, err := os.Stat(w.Path() + ".checkpoint"); !os.IsNotExist(err) {
		t.Errorf("a log began: %v", err)
	}
}
