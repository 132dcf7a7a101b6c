package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"

	"veriffs/fs"
	"veriffs/fs/mountpoint"
	"veriffs/internal/sessionlist"
)

func mountCommand() *cli.Command {
	flags := append(apiFlags(), cacheFlags()...)
	flags = append(flags, logFlags()...)
	flags = append(flags,
		sessionsFlag("show the sessions whose ids are in `FILE`, now and as it changes; may be repeated, - is standard input"),
		&cli.BoolFlag{Name: flagAllowOther, Category: groupMount, EnvVars: variables(flagAllowOther),
			Usage: "let other users of this machine read the files"},
		&cli.BoolFlag{Name: flagAllowOffline, Category: groupMount, EnvVars: variables(flagAllowOffline),
			Usage: "mount even if the API can't be reached, and show what is in the cache"},
		&cli.StringFlag{Name: flagMetricsListen, Category: groupMount, EnvVars: variables(flagMetricsListen),
			Usage: "serve metrics for Prometheus on `HOST:PORT`; without it they are on the control socket alone"},
		&cli.BoolFlag{Name: flagBackground, Category: groupMount, EnvVars: variables(flagBackground),
			Usage: "return once the mount answers and go on in the background (name a --log-file to keep the log; SIGHUP opens it anew)"},
	)
	flags = append(flags, webhookFlags(&cli.StringFlag{Name: flagWebhook, Category: groupHook, EnvVars: variables(flagWebhook),
		Usage: "receive Veriff's webhooks on `HOST:PORT` and write their sessions into the first sessions file"})...)
	return &cli.Command{
		Name:      "mount",
		Usage:     "show the media as files below MOUNTPOINT",
		ArgsUsage: "MOUNTPOINT",
		Flags:     flags,
		Action:    mount,
	}
}

func mount(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	ready := inBackground()
	if c.Bool(flagBackground) && ready == nil {
		return startInBackground(c.Context)
	}
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	// Absolute, because a process in the background leaves its directory.
	if s.mountpoint, err = filepath.Abs(c.Args().First()); err != nil {
		return err
	}
	log, logFile, err := newLogger(c)
	if err != nil {
		return err
	}
	defer logFile.Close()
	warnOfSmallCache(s.cache.Limit, log)
	if ready != nil {
		reopenLog(logFile, log)
	}
	outliveReader()
	k, err := start(c.Context, s, log)
	if err != nil {
		return err
	}
	defer k.close()
	if ready != nil && slices.Contains(s.sessions, sessionlist.Stdin) {
		// A process in the background has no standard input any more.
		if err := k.source.Wait(c.Context); err != nil {
			log.Warn("not every list of sessions could be read", "error", err)
		}
	}
	if k.receiver != nil {
		fmt.Fprintln(c.App.ErrWriter, "listening on", k.receiver.address())
	}
	fmt.Fprintln(c.App.ErrWriter, "mounted on", s.mountpoint)
	if ready != nil {
		if err := ready.detach(); err != nil {
			log.Warn("the process could not leave its terminal", "error", err)
		}
	}
	notifySystemd(daemon.SdNotifyReady)
	err = serve(c.Context, k.mount, log)
	notifySystemd(daemon.SdNotifyStopping)
	return err
}

// serve returns when the file system was unmounted, which it sees to when ctx
// ends. Who uses it then has a little time to end.
func serve(ctx context.Context, m *fs.Mount, log *slog.Logger) (err error) {
	unmounted := make(chan struct{})
	go func() {
		defer close(unmounted)
		m.Wait()
	}()
	select {
	case <-unmounted:
		return nil
	case <-m.Gone(): // by somebody else
	case <-ctx.Done():
		var busy *mountpoint.Busy
		if busy, err = m.Unmount(); busy != nil {
			log.Warn(busy.String())
		}
	}
	select {
	case <-unmounted:
	case <-time.After(mountpoint.Grace):
		log.Warn("the mount is still in use: what is open gives errors (ENOTCONN) from now on")
	}
	return err
}

// notifySystemd tells the service manager, if one started this process.
func notifySystemd(state string) {
	_, _ = daemon.SdNotify(false, state) // without a service manager there is nobody to tell
}

func unmountCommand() *cli.Command {
	return &cli.Command{
		Name:      "unmount",
		Aliases:   []string{"umount"},
		Usage:     "take the mount on MOUNTPOINT away",
		ArgsUsage: "MOUNTPOINT",
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, 1); err != nil {
				return err
			}
			point, err := filepath.Abs(c.Args().First())
			if err != nil {
				return err
			}
			// Whoever stands in the mount to unmount it does not use it.
			if err := os.Chdir("/"); err != nil {
				return err
			}
			busy, err := mountpoint.Unmount(point)
			if busy != nil {
				fmt.Fprintln(c.App.ErrWriter, "veriffs:", busy)
			}
			return err
		},
	}
}
