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

// readyMessage is that report. Anything else, such as end of file, is a failure.
const readyMessage = "ready"

// startInBackground runs this command line again as a session leader without a
// terminal, and returns once its mount answers. If it ends before that, its exit
// code becomes ours; it has written the reason to standard error.
func startInBackground(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	defer r.Close()
	secrets, handOver, err := os.Pipe()
	if err != nil {
		w.Close()
		return fmt.Errorf("start in the background: %w", err)
	}
	open, secret := splitEnvironment(os.Environ())
	child := exec.Command(self, os.Args[1:]...)
	child.Stdin, child.Stderr = os.Stdin, os.Stderr
	child.ExtraFiles = []*os.File{w, secrets} // descriptor 3 and secretsDescriptor
	child.Env = append(open, readyVariable+"=3")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	w.Close()
	secrets.Close()
	if err != nil {
		handOver.Close()
		return fmt.Errorf("start in the background: %w", err)
	}
	_, _ = handOver.WriteString(strings.Join(secret, "\x00")) // without its secrets it says what is missing
	handOver.Close()

	// A signal while the mount comes up also ends the child.
	stop := context.AfterFunc(ctx, func() { _ = child.Process.Signal(syscall.SIGTERM) })
	message, _ := io.ReadAll(r)
	if stop() && string(message) == readyMessage {
		return child.Process.Release()
	}
	err = child.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return &reported{code: exit.ExitCode()}
	case err != nil:
		return fmt.Errorf("the background process failed: %w", err)
	default:
		return errors.New("interrupted before the mount was ready")
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
// process that waits in the foreground.
func (b *background) detach() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for fd := range 3 {
		if err := unix.Dup2(int(null.Fd()), fd); err != nil {
			return err
		}
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if _, err := b.ready.WriteString(readyMessage); err != nil {
		return err
	}
	return b.ready.Close()
}
