//go:build sharing

package command_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/veriff/sandbox"
)

// apart runs a script in a mount namespace of its own, for as long as the test takes, and
// returns a function that runs programs in there.
func apart(t *testing.T, script string, args ...string) func(program ...string) (string, error) {
	t.Helper()
	// As a container has it: what the machine mounts gets there, and nothing comes back.
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "slave", "sh", "-ec", script + "\necho ready\nexec cat"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, output: &output{more: make(chan struct{})}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.output, p.output, patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		in.Close()
		within(t, "the namespace ends", func() { <-p.ended })
	})
	if !p.wait("ready\n") {
		written, _ := p.output.read()
		t.Fatalf("no namespace: %s", written)
	}
	return func(program ...string) (string, error) {
		out, err := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(cmd.Process.Pid), "--mount"}, program...)...).Output()
		return string(out), err
	}
}

// TestContainerSeesRestart: a container that has the directory above the mount point, as a
// slave, gets each mount there; one that has it otherwise keeps the first.
func TestContainerSeesRestart(t *testing.T) {
	w := newKillWorld(t)
	above, data := filepath.Dir(w.point), t.TempDir()
	shell := func(script string, args ...string) {
		t.Helper()
		if out, err := exec.Command("sh", append([]string{"-ec", script}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	shell(`mount --bind "$0" "$0"; mount --make-shared "$0"`, above)
	t.Cleanup(func() { shell(`umount --lazy "$0"`, above) })

	p := w.mount()
	file, want := w.paths[0], string(w.content[w.paths[0]])
	slave := apart(t, `mount --rbind "$0" "$1"; mount --make-rslave "$1"`, above, data)
	private := apart(t, `mount --rbind "$0" "$1"; mount --make-rprivate "$1"`, above, data)
	point := apart(t, `mount --bind "$0/mnt" "$1"; mount --make-rslave "$1"`, above, data)
	reads := func(when string, others bool) {
		t.Helper()
		for name, test := range map[string]struct {
			run  func(...string) (string, error)
			path string
			want bool
		}{"slave": {slave, filepath.Join(data, "mnt", file), true}, "private": {private, filepath.Join(data, "mnt", file), others}, "the mount point": {point, filepath.Join(data, file), others}} {
			out, err := test.run("cat", test.path)
			var exit *exec.ExitError
			switch {
			case test.want && (err != nil || out != want):
				t.Errorf("%s: %s: %d bytes, %v", when, name, len(out), err)
			case !test.want && (!errors.As(err, &exit) || !strings.Contains(string(exit.Stderr), "Transport endpoint is not connected")):
				t.Errorf("%s: %s: not ENOTCONN: %d bytes, %v", when, name, len(out), err)
			}
		}
	}
	reads("mounted", true)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if _, err := slave("ls", filepath.Join(data, "mnt")); err == nil {
		t.Error("a dead mount is no error in a container")
	}
	p = w.mount()
	reads("after a crash", false)
	w.terminate(p)
	if out, err := slave("ls", filepath.Join(data, "mnt")); err != nil || out != "" {
		t.Errorf("without a mount the directory has %q, %v", out, err)
	}
	p = w.mount()
	reads("mounted again", false)
	w.terminate(p)
}

// TestUserNamespace: an ordinary user mounts in a user namespace, as in a container without
// root. The ids in the access log are those inside.
func TestUserNamespace(t *testing.T) {
	const user = "23001"
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	own := exec.Command("chown", "-R", user, filepath.Dir(w.point), filepath.Dir(log))
	if out, err := own.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := w.command("mount", "--background", "--log-file", filepath.Join(w.run, "log"), "--access-log", log, "--access-log-mode", "required", w.point)
	for _, dir := range []string{w.point, log, program.Path} {
		for dir = filepath.Dir(dir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := `"$@" && cat "$0" && exec veriffs unmount "${0%%/sessions/*}"`
	cmd := exec.Command("setpriv", append([]string{"--reuid", user, "--regid", user, "--clear-groups",
		"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, filepath.Join(w.point, w.paths[0])}, program.Args...)...)
	cmd.Args[len(cmd.Args)-len(program.Args)] = program.Path
	cmd.Env = w.environment
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil || !strings.HasSuffix(string(out), string(w.content[w.paths[0]])) {
		t.Fatalf("%d bytes, %v\n%s", len(out), err, complaint.Bytes())
	}
	if opens := of(records(t, log), accesslog.OpOpen); len(opens) != 1 || opens[0].Caller.UID != 0 || opens[0].Caller.Command != "cat" {
		t.Errorf("%+v", opens)
	}
	if n := w.Requests().ByKind[sandbox.Media]; n == 0 {
		t.Error("nothing was fetched")
	}
}
