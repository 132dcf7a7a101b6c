package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Anchor is a place outside of the log where checkpoints are kept, out of reach of
// those whom the log is about.
type Anchor interface {
	// Name is what messages call it.
	Name() string
	// Publish keeps a checkpoint, in the form of a signed note. It should end when
	// ctx does; at the end of the program, one that does not is left behind.
	Publish(ctx context.Context, checkpoint []byte) error
}

// ParseAnchor makes an anchor of what --access-log-anchor says:
//
//	syslog:       the system's log, facility authpriv
//	exec:COMMAND  a command of the shell, with the checkpoint on standard input
//	file:PATH     a file that checkpoints are appended to, such as on another machine
//
// The program has one more, for buckets. No error quotes the text, since a command may
// hold a password.
func Parse(text string) (Anchor, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "syslog:":
		return syslogAnchor{}, nil
	case kind == "exec" && rest != "":
		return execAnchor(rest), nil
	case kind == "file" && rest != "":
		path, err := filepath.Abs(rest) // a background process changes its directory
		return fileAnchor(path), err
	}
	return nil, errors.New("must be syslog:, exec:COMMAND, file:PATH or s3://BUCKET/PREFIX")
}

type execAnchor string

// program is the first word of a command, if it is nothing but a name.
var program = regexp.MustCompile(`^[\w./+-]+(\s|$)`)

// Name is the program alone: what else there is of a command may be a password.
func (a execAnchor) Name() string {
	name := strings.TrimSpace(program.FindString(string(a)))
	if name != string(a) {
		name = strings.TrimSpace(name + " …")
	}
	return "exec:" + name
}

func (a execAnchor) Publish(ctx context.Context, checkpoint []byte) error {
	c := exec.CommandContext(ctx, "/bin/sh", "-c", string(a))
	c.Stdin = bytes.NewReader(checkpoint)
	c.WaitDelay = time.Second // for grandchildren that keep the pipe
	c.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return unix.Kill(-c.Process.Pid, unix.SIGKILL) }
	var said bytes.Buffer
	c.Stderr = &limited{&said, 1000}
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// limited drops what exceeds left bytes.
type limited struct {
	*bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	l.Buffer.Write(b[:n])
	return len(b), nil
}

type fileAnchor string

func (a fileAnchor) Name() string { return "file:" + string(a) }

// Publish ignores ctx: a regular file waits for its disk only.
func (a fileAnchor) Publish(_ context.Context, checkpoint []byte) error {
	f, err := os.OpenFile(string(a), os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() { // a pipe blocks whoever writes when it is full
		err = errors.New("not a regular file: checkpoints can't be kept in it")
	}
	if err != nil {
		f.Close()
		return err
	}
	// A blank line ends the note, so that many can be told apart.
	_, err = f.Write(append(checkpoint[:len(checkpoint):len(checkpoint)], '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}
