package command_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"veriffs/fs/mountpoint"
	"veriffs/veriff/sandbox"
)

// installed says that the test runs on a machine where packages have installed the program.
const installed = "VERIFFS_TEST_INSTALLED"

// TestMountHelper lets mount(8), umount(8) and the generator of systemd work with the program:
// testdata/mount has the scripts. They run in a mount namespace that looks like a machine
// with the program installed, and leaves this one as it is.
func TestMountHelper(t *testing.T) {
	requireFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("only root may mount by mount(8)")
	}
	if os.Getenv(installed) != "" {
		commands := maps.Clone(scriptCommands)
		commands["automount"] = automount
		testscript.Run(t, testscript.Params{
			Dir: "testdata/mount", Setup: newState, Cmds: commands, RequireExplicitExec: true, RequireUniqueNames: true,
		})
		return
	}
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "v-") // where an ordinary user can go
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := `set -e
		chmod 755 "$2"; mkdir -m 755 "$2/tmp" "$2/machine"; mkdir -m 700 "$2/root"
		cp "$1" "$2/veriffs"; cp -r testdata "$2"; cp "$1" "$2/command.test"
		mount -t tmpfs -o mode=755 machine "$2/machine"
		for part in etc usr/sbin; do
			mkdir -p "$2/machine/$part" "$2/machine/work-$part"
			mount -t overlay -o "lowerdir=/$part,upperdir=$2/machine/$part,workdir=$2/machine/work-$part" machine "/$part"
		done
		for part in /run/mount /run/log /run/systemd/journal /var/cache /var/lib; do mkdir -p $part; mount -t tmpfs -o mode=755 machine $part; done
		ln -s "$2/veriffs" /usr/sbin/mount.veriffs; ln -s "$2/veriffs" /usr/sbin/veriffs
		mknod "$2/fuse" c 10 229; chmod 666 "$2/fuse"; mount --bind "$2/fuse" /dev/fuse
		cd "$2"; TMPDIR="$2/tmp" ` + installed + `=yes exec "$2/command.test" -test.v -test.timeout=10m -test.run='^TestMountHelper$'`
	out, err := exec.Command("unshare", "--mount", "sh", "-c", script, "sh", self, dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestMountHelper")) {
		t.Fatalf("with the program installed: %v\n%s", err, out)
	}
}

// automount DIR COMMAND ARG… makes DIR an automount point, as systemd does for
// x-systemd.automount: whoever looks at it while nothing is mounted there waits until the
// command has mounted. While it works the kernel lets in only processes of our process group.
func automount(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "automount DIR COMMAND ARG…")
	dir := ts.MkAbs(args[0])
	asked, kernel, err := os.Pipe()
	ts.Check(err)
	options := fmt.Sprintf("fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", kernel.Fd(), unix.Getpgrp())
	ts.Check(unix.Mount("automount", dir, "autofs", 0, options))
	point, err := os.Open(dir) // before anything is mounted on it
	ts.Check(err)
	var output bytes.Buffer
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		packet := make([]byte, 512) // struct autofs_v5_packet: version, type, token, …
		for {
			if n, err := asked.Read(packet); err != nil || n < 12 {
				return // nobody looks any more
			}
			token := int(binary.NativeEndian.Uint32(packet[8:]))
			const ready, fail = 0x9360, 0x9361 // AUTOFS_IOC_READY, AUTOFS_IOC_FAIL
			answer := uint(ready)
			command := exec.Command(args[1], args[2:]...)
			command.Dir, command.Env = ts.MkAbs("."), []string{"PATH=" + os.Getenv("PATH")}
			command.Stdout, command.Stderr = &output, &output
			command.WaitDelay = time.Second
			fmt.Fprintln(&output, "somebody looks")
			if err := command.Run(); err != nil {
				fmt.Fprintln(&output, err)
				answer = fail
			}
			_ = unix.IoctlSetInt(int(point.Fd()), answer, token)
		}
	}()
	ts.Defer(func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		_ = asked.SetReadDeadline(time.Now())
		<-answered
		for _, f := range []*os.File{point, kernel, asked} {
			f.Close()
		}
		ts.Logf("%s", output.String())
	})
}

// profile stores the credentials and the settings of the world as a profile.
func (w *killWorld) profile(name string) {
	w.t.Helper()
	login := w.command("login", "--secret-store", "file", "--profile", name)
	login.Stdin = strings.NewReader(w.Secrets()[0])
	if out, err := login.CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// TestInterruptedHelper: SIGINT and SIGTERM end the helper with mount's exit code for that,
// and leave no mount and no process behind.
func TestInterruptedHelper(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	w.profile("slow")
	asked := w.Set(sandbox.Match{}, sandbox.Stall(0))
	defer asked.Release()
	helper := w.command("mount.veriffs", "slow", w.point)
	p := w.launch(helper)
	within(t, "the API is asked", func() { _ = asked.Wait(t.Context(), 1) })
	if err := helper.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "the helper ends", func() { <-p.ended })
	if code := helper.ProcessState.ExitCode(); code != 8 {
		written, _ := p.output.read()
		t.Errorf("exit code %d\n%s", code, written)
	}
	if slices.Contains(mountpoint.All(), w.point) {
		t.Error("mounted")
	}
}
