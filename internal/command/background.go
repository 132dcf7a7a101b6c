package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"veriffs/internal/journal"
)

// readyVariable tells a background process the descriptor on which to report that
// its mount answers.
const readyVariable = "VERIFFS_READY_FD"

// secretsDescriptor is where a background process reads the variables that its
// environment must not have: /proc shows a process's first environment as long as it
// runs. It is the descriptor after that of readyVariable.
const secretsDescriptor = 4

// handedOver are those variables.
var handedOver = append(variables(flagAPIKey, "VERIFF_API_KEY"), secretVariable, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

// readyMessage begins that report, and what there is to say to the user follows.
// Anything else, such as end of file, is a failure.
const readyMessage = "ready\n"

// errNotStarted: the system has no process for the background.
var errNotStarted = errors.New("start in the background")

// startInBackground runs the program with these arguments as a process that leaves the
// terminal once its mount answers, and returns then with what it has to say. If it ends
// before that, its exit code becomes ours; it has written the reason to standard error.
//
// Until then it is in our process group: while systemd mounts on an automount point, the
// kernel lets nobody else look at it.
func startInBackground(ctx context.Context, args []string) (says string, err error) {
	c, err := startChild(args, "")
	if err != nil {
		return "", err
	}
	// A signal while the mount comes up also ends the child.
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Signal(syscall.SIGTERM) })
	if says, ready := c.becameReady(); stop() && ready {
		return says, c.Process.Release()
	}
	if err := outcome(c.Wait()); err != nil {
		return "", err
	}
	return "", errors.New("interrupted before the mount was ready")
}

// child is a run of the program in the background.
type child struct {
	*exec.Cmd
	ready *os.File
}

// startChild runs the program in a directory, "" for this one, with variables beside
// those that there are.
func startChild(args []string, dir string, more ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	defer w.Close()
	secrets, handOver, err := os.Pipe()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	defer secrets.Close()
	defer handOver.Close()
	open, secret := splitEnvironment(os.Environ())
	c := &child{exec.Command(self, args...), r}
	c.Args[0] = "veriffs" // not the helper of mount(8), if that is what we are
	c.Dir, c.Stdin, c.Stderr = dir, os.Stdin, os.Stderr
	c.ExtraFiles = []*os.File{w, secrets} // descriptor 3 and secretsDescriptor
	c.Env = append(append(open, readyVariable+"=3"), more...)
	if err := c.Start(); err != nil {
		r.Close()
		return nil, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	_, _ = handOver.WriteString(strings.Join(secret, "\x00")) // without its secrets it says what is missing
	return c, nil
}

// becameReady waits until the mount answers, and returns what the child has to say then,
// or is known not to come up.
func (c *child) becameReady() (says string, ready bool) {
	defer c.ready.Close()
	message, _ := io.ReadAll(c.ready)
	return strings.CutPrefix(string(message), readyMessage)
}

// outcome is how a child ended, which has told the user why if it failed.
func outcome(err error) error {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return &reported{code: exit.ExitCode()}
	case err != nil:
		return fmt.Errorf("the background process failed: %w", err)
	default:
		return nil
	}
}

// splitEnvironment tells variables that hold secrets from the others.
func splitEnvironment(all []string) (open, secret []string) {
	for _, v := range all {
		if name, _, _ := strings.Cut(v, "="); slices.Contains(handedOver, name) {
			secret = append(secret, v)
		} else {
			open = append(open, v)
		}
	}
	return open, secret
}

// takeSecrets sets the variables that startInBackground has handed over.
func takeSecrets() error {
	if !isInBackground() {
		return nil
	}
	unix.CloseOnExec(secretsDescriptor)
	from := os.NewFile(secretsDescriptor, "secrets")
	defer from.Close()
	text, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("the background process got no secrets: %w", err)
	}
	for v := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// reported is a failure that the user has already been told of.
type reported struct{ code int }

func (r *reported) Error() string { return "exit code " + strconv.Itoa(r.code) }

// background is the child's side.
type background struct{ ready *os.File }

// isInBackground reports whether startInBackground started this process.
func isInBackground() bool {
	_, err := strconv.Atoi(os.Getenv(readyVariable))
	return err == nil
}

// inBackground returns nil unless startInBackground started this process.
func inBackground() *background {
	fd, err := strconv.Atoi(os.Getenv(readyVariable))
	if err != nil {
		return nil
	}
	_ = os.Unsetenv(readyVariable)
	unix.CloseOnExec(fd)
	return &background{ready: os.NewFile(uintptr(fd), "ready")}
}

// detach gives up the terminal and the working directory, and reports to the
// process that waits in the foreground, whatever went wrong with that.
func (b *background) detach(says string) error {
	err := leaveTerminal()
	_, unheard := b.ready.WriteString(readyMessage + says)
	return errors.Join(err, unheard, b.ready.Close())
}

func leaveTerminal() error {
	if _, err := unix.Setsid(); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if fd == unix.Stderr && journal.OnStandardError() {
			continue
		}
		if err := unix.Dup2(int(null.Fd()), fd); err != nil {
			return err
		}
	}
	return os.Chdir("/")
}
