package command_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// start runs a command that mounts in the background. What it has started ends with the test.
func (w *supervisedWorld) start(cmd *exec.Cmd) {
	w.t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	s := w.status()
	w.t.Cleanup(func() {
		if now := w.statusNow(); now != nil {
			s = now
		}
		for _, pid := range []int{s.Supervisor, s.PID} {
			if running(pid) {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
}

// TestRestartAfterUpgrade: a mount goes on when another program is installed in the place of
// the one that it was started with; what takes its place after a crash is the new one.
func TestRestartAfterUpgrade(t *testing.T) {
	t.Parallel()
	w := &supervisedWorld{killWorld: newKillWorld(t)}
	dir := t.TempDir()
	w.program = filepath.Join(dir, "log")
	w.environment = append(w.environment, "VERIFFS_LOG_FILE="+w.program)
	self, err := exec.LookPath("veriffs")
	if err != nil {
		t.Fatal(err)
	}
	installed, upgraded := filepath.Join(dir, "veriffs"), filepath.Join(dir, "upgraded")
	text, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(installed, text, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(installed, "mount", "--background", w.point)
	cmd.Env = w.environment
	w.start(cmd)
	first := w.status()

	script := "#!/bin/sh\n: >'" + upgraded + "'\nexec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(installed+".new", []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(installed+".new", installed); err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(w.point, w.paths[0])); err != nil || !bytes.Equal(got, w.content[w.paths[0]]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	read()
	if s := w.status(); s.PID != first.PID {
		t.Errorf("process %d became %d", first.PID, s.PID)
	}
	if _, err := os.Stat(upgraded); err == nil {
		t.Error("the new program was started though nothing crashed")
	}
	w.signal(first.PID, syscall.SIGKILL)
	last := w.next(first)
	if last == nil {
		t.Fatal("no other process has mounted")
	}
	read()
	if _, err := os.Stat(upgraded); err != nil {
		t.Error("not the new program has mounted:", err)
	}
	w.must("unmount", w.point)
	w.endsWith(last)
}
