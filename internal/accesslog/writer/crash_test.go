package writer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
)

// dying is a disk of a process that is killed after so many bytes and operations.
type dying struct {
	left int  // bytes and operations
	dead bool // nothing more happens
}

var errDead = errors.New("killed")

func (d *dying) fault(_ string, size int) (int, error) {
	if d.dead {
		return 0, errDead
	}
	if cost := max(size, 1); cost <= d.left {
		d.left -= cost
		return size, nil
	}
	d.dead = true
	return min(size, d.left), errDead
}

// TestCrash: a process that is killed at any byte of any write (each 13th is tried), or
// before any other change of a file, leaves a log that verifies; the next one goes on with it, has
// every record that was acknowledged, in order, and says what was cut.
func TestCrash(t *testing.T) { crash(t, 13) }

// TestSoakCrash does the same with each byte.
func TestSoakCrash(t *testing.T) {
	logtest.Soak(t)
	crash(t, 1)
}

func crash(t *testing.T, step int) {
	// work records, rotates, erases and retires; it returns what was acknowledged.
	work := func(w *world, d *dying) (acknowledged []string) {
		l, err := Open(Options{Path: w.Path(), Key: w.Key, Mode: accesslog.Required, MaxFile: 900, Keep: time.Minute,
			Now: logtest.Clock(2 * time.Second), disk: logfile.Disk{Fault: d.fault, Unsafe: true}})
		if err != nil {
			return nil
		}
		for i := range 5 {
			if l.Record(t.Context(), accesslog.Record{Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: logtest.Session(i)}) == nil {
				acknowledged = append(acknowledged, logtest.Session(i))
			}
			if i == 2 {
				if _, err := l.Erase(logtest.Session(1), "asked", accesslog.Record{}); err == nil {
					acknowledged = slices.DeleteFunc(acknowledged, func(s string) bool { return s == logtest.Session(1) })
				}
			}
		}
		l.Close()
		return acknowledged
	}
	all := &dying{left: 1 << 30}
	work(newWorld(t), all)
	total := 1<<30 - all.left
	if total < 5000 {
		t.Fatalf("only %d bytes are written", total)
	}
	w := newWorld(t)
	empty := w.State()
	for left := 0; left <= total; left += step {
		w.Restore(empty, "")
		acknowledged := work(w, &dying{left: left})
		before := w.State()
		if len(before.Records()) > 0 {
			if r := w.Verify(); !r.OK() {
				t.Fatalf("killed after %d of %d: %v", left, total, r.Findings)
			}
		}
		l, err := Open(Options{Path: w.Path(), Key: w.Key, disk: logfile.Disk{Unsafe: true}})
		if err != nil {
			t.Fatalf("killed after %d of %d: %v", left, total, err)
		}
		w.Fill(l, 1)
		w.Close(l)
		r := w.Verify()
		if !r.OK() || r.Records != r.Signed {
			t.Fatalf("killed after %d of %d, and opened again: %v %q", left, total, r.Findings, r.Notes)
		}
		var sessions []string
		gaps := 0
		err = audit.Read(w.Path(), accesslog.Filter{}, func(r *accesslog.Record, _ []byte) error {
			if r.Session != "" {
				sessions = append(sessions, r.Session)
			}
			if r.Operation == accesslog.OpLogGap && strings.Contains(string(r.Detail), `"bytes":`) {
				gaps++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// Retired and erased ones may be gone; the others are there.
		gone := r.Retired + r.Erased
		for _, s := range acknowledged {
			if !slices.Contains(sessions, s) && gone == 0 {
				t.Fatalf("killed after %d of %d: %s was acknowledged and is not there", left, total, s)
			}
		}
		torn := false
		for _, name := range before.Records() {
			torn = torn || name == "log/access.log" && len(before[name]) > 0 && before[name][len(before[name])-1] != '\n'
		}
		if torn != (gaps > 0) {
			t.Fatalf("killed after %d of %d: a line is torn: %v, gaps recorded: %d", left, total, torn, gaps)
		}
	}
}

// TestKill: the same with a process of its own, which is killed by SIGKILL.
func TestKill(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childVariable+"="+w.Dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		// It says when so many records are acknowledged.
		said := make([]byte, 6)
		if _, err := out.Read(said); err != nil {
			t.Fatal(err)
		}
		c.Process.Kill()
		c.Wait()
		if r := w.Verify(); !r.OK() || r.Records < 20 {
			t.Fatalf("%+v", r)
		}
	}
	l := w.open()
	if err := l.Mounted(accesslog.Record{Mountpoint: "/m"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Unmounted(accesslog.Record{}); err != nil {
		t.Fatal(err)
	}
	w.Close(l)
	w.Verifies()
	unclean := 0
	for _, r := range w.Lines() {
		if r.Operation == accesslog.OpUnclean {
			unclean++
		}
	}
	if unclean != 5 {
		t.Errorf("%d mounts ended uncleanly", unclean)
	}
	checkNoNew(t, w)
}

// checkNoNew wants no temporary file left behind.
func checkNoNew(t *testing.T, w *world) {
	t.Helper()
	for name := range w.State() {
		if strings.HasSuffix(name, ".new") {
			t.Errorf("%s is left", filepath.Base(name))
		}
	}
}
