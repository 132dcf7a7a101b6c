package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"veriffs/veriff/sandbox"
)

// echo is a veriffs that completes as the program does, and shows its arguments instead
// of running them.
const echo = `#!/bin/sh
[ "$1" != __complete ] || exec %q "$@"
printf '<%%s>' "$@"
echo END
`

// TestShells types command lines into real shells on a terminal, with a Tab where
// nothing is left to choose.
func TestShells(t *testing.T) {
	shells := map[string][]string{
		"bash": {"bash", "--norc", "--noprofile", "-i"},
		"zsh":  {"zsh", "-f", "-i"},
		"fish": {"fish", "--no-config", "-i"},
	}
	prepare := map[string]string{
		"zsh": "autoload -U compinit; compinit -u -D; ",
	}
	for name, args := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(name); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip("there is no", name, "here")
			}
			w := newShellWorld(t)
			script := filepath.Join(w.dir, "completion")
			text, err := w.command("veriffs", "completion", name).Output()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(script, text, 0o600); err != nil {
				t.Fatal(err)
			}
			shell := w.open(args)
			shell.line(prepare[name] + "source " + script + "; echo LOAD''ED")
			shell.waitFor("LOADED")
			for _, tt := range []struct{ typed, shows string }{
				{"veriffs unm\t/x", "<unmount></x>END"},
				{"veriffs mount --verify=pre\t/x", "<mount><--verify=present></x>END"},
				{"veriffs mount --verify pre\t/x", "<mount><--verify><present></x>END"},
				{"veriffs mount --cache-k\teph\t/x", "<mount><--cache-key><ephemeral></x>END"},
				{"veriffs mount --profile em\t/x", "<mount><--profile><emea></x>END"},
				{"veriffs pin " + w.id[:4] + "\t--fetch", "<pin><" + w.id + "><--fetch>END"},
				{"veriffs verify " + w.dir + "/with\t", "<verify><" + w.dir + "/with blank>END"},
				{"veriffs mount --cache-dir=" + w.dir + "/with\t /x", "<mount><--cache-dir=" + w.dir + "/with"},
				{"veriffs mount --connections \t4", "<mount><--connections><4>END"},
			} {
				shell.line(tt.typed)
				shell.waitFor(tt.shows)
			}
			shell.line("exit")
			within(t, "the shell ends", func() { _ = shell.cmd.Wait() })
			if written, _ := shell.output.read(); strings.Contains(written, "rror") || strings.Contains(written, "not found") {
				t.Errorf("%s", written)
			}
		})
	}
}

// shellWorld is a home for a shell.
type shellWorld struct {
	t   *testing.T
	dir string
	id  string // the one session in its list
	env []string
}

func newShellWorld(t *testing.T) *shellWorld {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &shellWorld{t: t, dir: dir, id: sandbox.New(sandbox.Options{}).SessionIDs()[0].String()}
	program, err := exec.LookPath("veriffs")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bin/veriffs":                 fmt.Sprintf(echo, program),
		"data/veriffs/sessions.txt":   w.id + "\n",
		"config/veriffs/veriffs.toml": "[profiles.emea]\n",
		"with blank":                  "",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "bin/veriffs"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir + "/data", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_RUNTIME_DIR=" + dir,
		"PATH=" + dir + "/bin:" + os.Getenv("PATH"), "TERM=dumb", "LC_ALL=C.UTF-8"}
	return w
}

// command is a run of the program itself, or of another one.
func (w *shellWorld) command(name string, args ...string) *exec.Cmd {
	program, err := exec.LookPath(name)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir = w.env, w.dir
	return cmd
}

// typing is a shell on a terminal.
type typing struct {
	*process
	t      *testing.T
	window *os.File
}

func (w *shellWorld) open(args []string) *typing {
	w.t.Helper()
	window, line := terminal(w.t)
	cmd := w.command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cmd.Process.Kill() })
	line.Close()
	shell := &typing{process: &process{cmd: cmd, output: &output{more: make(chan struct{})}, ended: make(chan struct{})}, t: w.t, window: window}
	go func() {
		defer close(shell.ended)
		part := make([]byte, 4096)
		for {
			n, err := window.Read(part)
			shell.output.Write(part[:n])
			if err != nil {
				return
			}
		}
	}()
	return shell
}

func (s *typing) line(text string) {
	if _, err := s.window.WriteString(text + "\r"); err != nil {
		s.t.Fatal(err)
	}
}

// waitFor waits until the shell has written a text.
func (s *typing) waitFor(text string) {
	s.t.Helper()
	if !s.wait(text) {
		written, _ := s.output.read()
		s.t.Fatalf("the shell did not write %q:\n%s", text, written)
	}
}
