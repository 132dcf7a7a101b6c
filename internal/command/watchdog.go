package command

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
)

// answerWatchdog tells the service manager's watchdog, if there is one, that the mount
// answers, as long as it does. A child asks the mount, through the kernel: a process
// that waits for its own mount can't be killed any more, so this one must not.
func answerWatchdog(point string, log *slog.Logger) (stop func()) {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // which is not waited for: the child ends when the mount answers or this process ends
		for ctx.Err() == nil {
			if err := watch(ctx, point, limit/3); err != nil && ctx.Err() == nil {
				log.Warn("the mount does not answer the watchdog", "error", err)
			}
			select {
			case <-time.After(limit / 3):
			case <-ctx.Done():
			}
		}
	}()
	return cancel
}

// watch runs a child that asks the mount again and again, and tells the service manager
// of each answer. It returns when the child has ended.
func watch(ctx context.Context, point string, every time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, watchName, every.String(), point)
	cmd.Env, _ = splitEnvironment(os.Environ())
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(answers); lines.Scan(); {
		notifySystemd(daemon.SdNotifyWatchdog)
	}
	return cmd.Wait()
}

const watchName = "__watch"

// watchCommand is the child. It ends when the mount does not answer, or when nobody
// reads what it writes.
func watchCommand() *cli.Command {
	return &cli.Command{
		Name:   watchName,
		Hidden: true,
		Action: func(c *cli.Context) error {
			every, err := time.ParseDuration(c.Args().First())
			if err != nil {
				return err
			}
			for point := c.Args().Get(1); ; {
				if !mountpoint.Alive(point) {
					return &reported{code: exitFailed}
				}
				if _, err := fmt.Fprintln(c.App.Writer, "it answers"); err != nil {
					return err
				}
				select {
				case <-time.After(every):
				case <-c.Context.Done():
					return nil
				}
			}
		},
	}
}
