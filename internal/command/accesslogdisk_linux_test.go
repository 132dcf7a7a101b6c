package command_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
)

// smallDisk returns a directory of a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size="+size); err != nil {
		t.Skipf("only root mounts a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all that is left of a disk, but not what the files on it have.
func fill(t *testing.T, dir string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "full")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return file
}

// TestAccessLogFullDisk: when there is no room for records, no file can be opened
// with required, and every one with best-effort, which writes their records later.
func TestAccessLogFullDisk(t *testing.T) {
	for _, mode := range []accesslog.Mode{accesslog.Required, accesslog.BestEffort} {
		t.Run(string(mode), func(t *testing.T) {
			w := newKillWorld(t)
			disk := smallDisk(t, "256k")
			log := filepath.Join(disk, "access.log")
			// Its own key's directory is on the other disk.
			p := w.mount("--access-log", log, "--access-log-mode", string(mode))
			opened := 0
			open := func() (failed int) {
				rounds := 1
				if mode == accesslog.Required {
					rounds = 20 // more than fits into the last block of the file
				}
				for range rounds {
					for _, path := range w.paths {
						f, err := os.Open(filepath.Join(w.point, path))
						switch {
						case err == nil:
							f.Close()
							opened++
						case errors.Is(err, syscall.EIO):
							failed++
						default:
							t.Fatal(err)
						}
					}
					if failed > 0 {
						break
					}
				}
				return failed
			}
			if f, err := os.Open(filepath.Join(w.point, w.paths[0])); err != nil {
				t.Fatal(err)
			} else {
				f.Close()
				opened++
			}
			full := fill(t, disk)
			required := mode == accesslog.Required
			failed, told, refused := 0, false, false
			// A small record, such as that of a loss, may still find room in the file's last
			// block. Each one leaves less, so soon none does.
			for range 20 {
				failed += open()
				out, err := w.command("status").Output()
				if err != nil {
					t.Fatalf("status: %v\n%s", err, out)
				}
				told = told || strings.Contains(string(out), "CAN'T BE WRITTEN")
				out, err = w.command("pin", filepath.Join(w.point, w.paths[0])).CombinedOutput()
				if refused = strings.Contains(string(out), "could not be recorded"); refused != (err != nil) {
					t.Fatalf("pin: %v\n%s", err, out)
				}
				if told && refused == required {
					break
				}
			}
			if required != (failed > 0) || required != refused {
				t.Errorf("%d opens failed; pin was refused: %v", failed, refused)
			}
			if !told {
				t.Error("status does not tell")
			}
			if !p.wait("the access log can't be written") {
				t.Error("nobody is told")
			}
			if err := os.Remove(full); err != nil {
				t.Fatal(err)
			}
			if !p.wait("the access log can be written again") && mode == accesslog.BestEffort {
				t.Error("it is not written again")
			}
			if f, err := os.Open(filepath.Join(w.point, w.paths[0])); err != nil {
				t.Error(err)
			} else {
				f.Close()
				opened++
			}
			if code := w.end(p); code != 0 {
				t.Errorf("exit code %d", code)
			}
			all := records(t, log)
			gaps := of(all, accesslog.OpLogGap)
			if mode == accesslog.Required {
				// What was refused is counted once there is room.
				if len(gaps) == 0 || !strings.Contains(string(gaps[0].Detail), `"refused":`) || strings.Contains(string(gaps[0].Detail), `"lost":`) {
					t.Errorf("gaps: %+v", gaps)
				}
			} else if opens := of(all, accesslog.OpOpen); len(gaps) != 0 || len(opens) != opened {
				t.Errorf("%d records of %d opens, gaps: %+v", len(opens), opened, gaps)
			}
			if last := all[len(all)-1]; last.Operation != accesslog.OpUnmount {
				t.Errorf("the last record is %+v", last)
			}
		})
	}
}

// end tells a mount to end and returns its exit code.
func (w *killWorld) end(p *process) int {
	w.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	within(w.t, "a mount ends when it is told to", func() { <-p.ended })
	return p.cmd.ProcessState.ExitCode()
}

// TestAccessLogFromOutside: a mount in a pid namespace of its own can't tell who
// comes from outside, and says so.
func TestAccessLogFromOutside(t *testing.T) {
	if _, err := exec.LookPath("nsenter"); err != nil || os.Getuid() != 0 {
		t.Skip("only root, with nsenter")
	}
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	p, server := w.mountApart("--access-log", log)
	path := filepath.Join(w.point, w.paths[0])
	for _, inside := range []bool{false, true} {
		args := []string{"--target", strconv.Itoa(server), "--mount"}
		if inside {
			args = append(args, "--pid")
		}
		if out, err := exec.Command("nsenter", append(args, "cat", path)...).Output(); err != nil || len(out) != killFile {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	}
	if err := syscall.Kill(server, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "the mount ends", func() { <-p.ended })
	opens := of(records(t, log), accesslog.OpOpen)
	if len(opens) != 2 {
		t.Fatalf("%+v", opens)
	}
	if c := opens[0].Caller; c.TID != 0 || c.PID != 0 || c.Command != "" || !slices.Contains(c.Unknown, "exe") {
		t.Errorf("from outside: %+v", c)
	}
	if c := opens[1].Caller; c.PID == 0 || c.Command != "cat" || len(c.Unknown) != 0 {
		t.Errorf("from inside: %+v", c)
	}
}

// mountApart mounts in a pid namespace of its own, and returns the mount's process, too.
func (w *killWorld) mountApart(options ...string) (p *process, server int) {
	w.t.Helper()
	mount := w.command(append(append([]string{"mount"}, options...), w.point)...)
	cmd := exec.Command("unshare", append([]string{"--pid", "--fork", "--mount-proc", "--kill-child", "--"}, mount.Args...)...)
	cmd.Args[6] = mount.Path
	cmd.Env = mount.Env
	p = w.launch(cmd)
	if !p.wait("mounted on ") {
		out, _ := p.output.read()
		w.t.Fatal(out)
	}
	return p, childOf(w.t, cmd.Process.Pid)
}
