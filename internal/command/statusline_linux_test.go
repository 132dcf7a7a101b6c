package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStatusLine runs a mount on a terminal: its last line says what it does, and what
// is logged goes above it. There is none if a program reads the log.
func TestStatusLine(t *testing.T) {
	for _, tt := range []struct {
		name  string
		args  []string
		shows bool
	}{
		{"text", nil, true},
		{"log file", []string{"--log-file", filepath.Join(t.TempDir(), "log")}, true},
		{"json", []string{"--log-format", "json"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newKillWorld(t)
			shells := &shellWorld{t: t, dir: t.TempDir(), env: append(w.environment, "TERM=xterm")}
			p := shells.open(append([]string{"veriffs", "mount", "--read-ahead", "off", w.point}, tt.args...))
			p.waitFor("mounted on ")
			if _, err := os.ReadFile(filepath.Join(w.point, w.paths[0])); err != nil {
				t.Fatal(err)
			}
			if tt.shows {
				p.waitFor("\r\x1b[K1 file opened")
			}
			held, err := os.Open(filepath.Join(w.point, w.paths[0]))
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			if tt.shows {
				p.waitFor("\r\x1b[K2 files opened")
			}
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			within(t, "the mount ends", func() { _ = p.cmd.Wait() })
			within(t, "the terminal is left", func() { <-p.ended })
			written, _ := p.output.read()
			if shown := strings.Contains(written, "opened"); shown != tt.shows {
				t.Errorf("%q", written)
			}
			if tt.name == "text" && !strings.Contains(written, "opened\r\x1b[Ktime=") {
				t.Errorf("the last warning, that the mount is in use, is not above the line: %q", written)
			}
			if tt.shows && !strings.HasSuffix(written, "\r\x1b[K") {
				t.Errorf("the line stays: %q", written)
			}
			if p.cmd.ProcessState.ExitCode() != 0 {
				t.Error(p.cmd.ProcessState)
			}
		})
	}
}
