package command_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"veriffs/internal/accesslog"
)

// TestReadersFromOutside: a mount in a pid namespace of its own knows the ids of those
// who come from outside, and not their other groups: these let nobody in.
func TestReadersFromOutside(t *testing.T) {
	if _, err := exec.LookPath("nsenter"); err != nil || os.Getuid() != 0 {
		t.Skip("only root, with nsenter")
	}
	const user, other, group, team = "23001", "23002", "24002", "24001"
	w := newKillWorld(t)
	for dir := w.point; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	p, server := w.mountApart("--allow-other", "--allow-user", user, "--allow-group", team, "--access-log", log)
	path := filepath.Join(w.point, w.paths[0])
	for _, test := range []struct {
		inside bool
		as     []string
		may    bool
	}{
		{false, []string{"--reuid", user, "--regid", group, "--clear-groups"}, true},
		{false, []string{"--reuid", other, "--regid", team, "--clear-groups"}, true},
		{false, []string{"--reuid", other, "--regid", group, "--groups", team}, false},
		{true, []string{"--reuid", other, "--regid", group, "--groups", team}, true},
		{true, []string{"--reuid", other, "--regid", group, "--clear-groups"}, false},
	} {
		args := []string{"--target", strconv.Itoa(server), "--mount"}
		if test.inside {
			args = append(args, "--pid")
		}
		args = append(append(append(args, "setpriv"), test.as...), "cat", path)
		out, err := exec.Command("nsenter", args...).Output()
		if (err == nil) != test.may || test.may != (len(out) == killFile) {
			t.Errorf("inside %v, %v: %d bytes, %v", test.inside, test.as, len(out), err)
		}
	}
	if err := syscall.Kill(server, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "the mount ends", func() { <-p.ended })
	if refused := of(records(t, log), accesslog.OpEnter); len(refused) < 2 || refused[0].Errno != "EACCES" || refused[0].Caller.UID != 23002 {
		t.Errorf("%+v", refused)
	}
}
