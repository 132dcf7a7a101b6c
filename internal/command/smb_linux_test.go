//go:build sharing

package command_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// People whom the Samba server of the tests knows, and nobody else on this machine.
const (
	smbPasswd = `root:x:0:0::/:/bin/false
nobody:x:65534:65534::/:/bin/false
ann:x:23001:24002::/:/bin/false
ben:x:23002:24002::/:/bin/false
mallory:x:23003:24002::/:/bin/false
`
	smbGroup = `root:x:0:
nogroup:x:65534:
fraud:x:24001:ben
staff:x:24002:
`
)

// smbConfig has the share of docs/sharing.md, above, and others; the directories are the test's own.
const smbConfig = `[global]
server role = standalone server
interfaces = lo
bind interfaces only = yes
smb ports = %[3]d
disable netbios = yes
load printers = no
printing = bsd
disable spoolss = yes
server smb encrypt = required
private dir = %[1]s
lock directory = %[1]s
state directory = %[1]s
cache directory = %[1]s
pid directory = %[1]s
ncalrpc dir = %[1]s/ncalrpc
log file = %[1]s/log
passdb backend = tdbsam

[above]
path = %[4]s
read only = yes
root preexec = test -e %[2]s/README.txt
root preexec close = yes

[media]
path = %[2]s
read only = yes

[forced]
path = %[2]s
read only = yes
force user = ben

[contexts]
path = %[2]s/by-context
read only = yes

[cased]
path = %[2]s
read only = yes
case sensitive = yes
`

// smbServer is a Samba server of a mount.
type smbServer struct {
	t    *testing.T
	dir  string
	port int
}

// sambaWorld is a world that a Samba server shares once it is mounted.
func sambaWorld(t *testing.T) (*killWorld, *smbServer) {
	t.Helper()
	w := newKillWorld(t)
	for dir := w.point; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smbServer{t: t, dir: t.TempDir(), port: port.Addr().(*net.TCPAddr).Port}
	port.Close()
	for name, text := range map[string]string{"passwd": smbPasswd, "group": smbGroup, "smb.conf": fmt.Sprintf(smbConfig, s.dir, w.point, s.port, filepath.Dir(w.point))} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ann", "ben", "mallory"} {
		add := s.command("smbpasswd", "-c", "smb.conf", "-a", "-s", name)
		add.Stdin = strings.NewReader("pw\npw\n")
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	var log bytes.Buffer
	smbd := s.command("smbd", "--foreground", "--configfile=smb.conf")
	smbd.Stdout, smbd.Stderr, smbd.WaitDelay = &log, &log, patience
	if err := smbd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = smbd.Process.Signal(syscall.SIGTERM)
		_ = smbd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			t.Logf("smbd: %s%s", log.Bytes(), text)
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", s.port))
		if err == nil {
			conn.Close()
			return w, s
		}
		if time.Now().After(deadline) {
			t.Fatalf("smbd: %v", err)
		}
	}
}

// command is a program of Samba's that knows the people of the test.
func (s *smbServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LD_PRELOAD=libnss_wrapper.so", "NSS_WRAPPER_PASSWD="+s.dir+"/passwd", "NSS_WRAPPER_GROUP="+s.dir+"/group")
	return cmd
}

func (s *smbServer) client(user, share string, args ...string) *exec.Cmd {
	cmd := exec.Command("smbclient", append([]string{"--configfile=smb.conf", fmt.Sprint("--port=", s.port), "--user=" + user + "%pw", "//127.0.0.1/" + share}, args...)...)
	cmd.Dir = s.dir
	return cmd
}

// run gives smbclient a line of its commands and returns all that it writes.
func (s *smbServer) run(user, share, line string) string {
	s.t.Helper()
	var out []byte
	within(s.t, "smbclient: "+line, func() { out, _ = s.client(user, share, "--command="+line).CombinedOutput() }) // its exit code says little
	return string(out)
}

// says checks that what smbclient writes has a text.
func (s *smbServer) says(want, user, share, line string) {
	s.t.Helper()
	if out := s.run(user, share, line); !strings.Contains(out, want) {
		s.t.Errorf("%s: %s: not %q:\n%s", user, line, want, out)
	}
}

// gets checks that somebody gets a file's bytes.
func (s *smbServer) gets(user, share, path string, want []byte) {
	s.t.Helper()
	out := s.run(user, share, "get "+path+" got")
	s.got("got", want, out)
}

func (s *smbServer) got(name string, want []byte, out string) {
	s.t.Helper()
	name = filepath.Join(s.dir, name)
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		s.t.Errorf("%d bytes, want %d, %v:\n%s", len(got), len(want), err, out)
	}
	os.Remove(name)
}

// smbSession is a connection that stays.
type smbSession struct {
	*smbServer
	*process
	commands io.Writer
	done     int
}

func (s *smbServer) connect(user, share string) *smbSession {
	s.t.Helper()
	cmd := s.client(user, share)
	commands, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	c := &smbSession{s, &process{cmd: cmd, output: &output{more: make(chan struct{})}, ended: make(chan struct{})}, commands, 0}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.output, c.output, patience
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		cmd.Wait()
	}()
	s.t.Cleanup(func() {
		commands.Close()
		within(s.t, "smbclient ends", func() { <-c.ended })
	})
	return c
}

// get asks for a file and waits for the answer. smbclient looks for more input before it takes
// the next of the lines that it has read, so it gets one at a time; and it keeps what it has
// to say until it ends.
func (c *smbSession) get(path string) {
	c.t.Helper()
	c.done++
	fmt.Fprintf(c.commands, "get %s got\n", path)
	for deadline := time.Now().Add(patience); ; {
		time.Sleep(100 * time.Millisecond)
		fmt.Fprintf(c.commands, "!echo done-%d >&2\n", c.done)
		if written, _ := c.output.read(); strings.Contains(written, fmt.Sprintf("done-%d\n", c.done)) {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("no end: get %s", path)
		}
	}
}
