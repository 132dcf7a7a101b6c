package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"

	"veriffs/fs"
	"veriffs/fs/mountpoint"
	"veriffs/internal/memory"
	"veriffs/internal/sessionlist"
)

func mountCommand() *cli.Command {
	flags := append(apiFlags(), cacheFlags()...)
	flags = append(flags, teamFlags()...)
	flags = append(flags, accessLogFlags()...)
	flags = append(flags, logFlags()...)
	flags = append(flags,
		sessionsFlag("show the sessions listed in `FILE`, and follow its changes; may be repeated, - is standard input"),
		&cli.BoolFlag{Name: flagAllowOther, Category: groupMount, EnvVars: variables(flagAllowOther),
			Usage: "let other users of this machine read the files"},
		&cli.StringFlag{Name: flagUID, Category: groupMount, EnvVars: variables(flagUID), DefaultText: "who mounts",
			Usage: "show `USER`, a name or a number, as the owner of the files"},
		&cli.StringFlag{Name: flagGID, Category: groupMount, EnvVars: variables(flagGID), DefaultText: "the group of who mounts",
			Usage: "show `GROUP`, a name or a number, as the group of the files"},
		&cli.StringFlag{Name: flagUmask, Category: groupMount, EnvVars: variables(flagUmask), DefaultText: "0077, with --allow-other 0",
			Usage: "take the permissions `BITS`, in octal, from files (0444) and directories (0555)"},
		&cli.StringFlag{Name: flagSource, Category: groupMount, EnvVars: variables(flagSource), DefaultText: "veriff: and the account",
			Usage: "show `NAME` as the source in the table of mounts, as it is in fstab (Linux)"},
		&cli.BoolFlag{Name: flagAllowOffline, Category: groupMount, EnvVars: variables(flagAllowOffline),
			Usage: "mount even if the API can't be reached, and show what is in the cache"},
		&cli.StringFlag{Name: flagMetricsListen, Category: groupMount, EnvVars: variables(flagMetricsListen),
			Usage: "serve metrics for Prometheus on `HOST:PORT`; the control socket always serves them"},
		&cli.BoolFlag{Name: flagBackground, Category: groupMount, EnvVars: variables(flagBackground),
			Usage: "return once the mount answers, and serve it in the background (set --log-file to keep the log; SIGHUP reopens it)"},
	)
	flags = append(flags, readersFlags()...)
	flags = append(flags, shownFlags()...)
	flags = append(flags, webhookFlags(&cli.StringFlag{Name: flagWebhook, Category: groupHook, EnvVars: variables(flagWebhook),
		Usage: "receive Veriff's webhooks on `HOST:PORT` and add their sessions to the first sessions file"})...)
	return &cli.Command{
		Name:      "mount",
		Usage:     "show the media as files below MOUNTPOINT",
		ArgsUsage: "MOUNTPOINT",
		Description: "The line \"mounted on MOUNTPOINT\" says that the API has accepted the credentials and the mount answers.\n" +
			"Ctrl-C, SIGTERM and veriffs unmount end it in order.\n\n" +
			"With --background, if the process that serves the mount is killed or crashes, another one takes its place;\n" +
			"veriffs status says how often. It gets its secrets from where the first one got them. A list of sessions on\n" +
			"standard input can't be read twice, so a mount of one is not restarted.",
		Flags:  flags,
		Action: mount,
	}
}

func mount(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	// A crash is then an end by a signal, and not exit code 2.
	debug.SetTraceback("crash")
	ready, by := inBackground(), takeSupervised()
	switch {
	case c.Bool(flagBackground) && ready == nil:
		says, err := startInBackground(c.Context, os.Args[1:])
		if err == nil {
			fmt.Fprint(c.App.ErrWriter, says)
		}
		return err
	case c.Bool(flagBackground) && by.by == 0 && canRestart(c):
		return supervise(c, ready)
	}
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	s.supervised = by
	if err := s.readSecrets(c); err != nil {
		return err
	}
	// Absolute, because a background process changes its directory.
	if s.mountpoint, err = filepath.Abs(c.Args().First()); err != nil {
		return err
	}
	var line *statusLine
	if ready == nil {
		line = newStatusLine(c)
	}
	log, logFile, err := newLogger(c)
	if err != nil {
		return err
	}
	defer logFile.Close()
	warnOfSmallCache(s.cache.Limit, log)
	reopenLog(logFile, ready != nil, log)
	outliveReader()
	k, err := start(c.Context, s, log)
	if errors.Is(err, errUnmounted) {
		log.Info("the dead mount was unmounted: this one ends", "mountpoint", s.mountpoint)
		return nil
	}
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
	says := fmt.Sprintln("mounted on", s.mountpoint)
	if k.receiver != nil {
		says = fmt.Sprintln("listening on", k.receiver.address()) + says
	}
	if ready == nil {
		fmt.Fprint(c.App.ErrWriter, says)
	} else if err := ready.detach(says); err != nil {
		log.Warn("could not detach from the terminal", "error", err)
	}
	notifySystemd(daemon.SdNotifyReady + "\nSTATUS=mounted on " + s.mountpoint)
	stopWatching := answerWatchdog(s.mountpoint, log)
	defer memory.ReturnWhenQuiet()()
	line.begin(k.library.Stats)
	defer line.end()
	err = serve(c.Context, k.mount, log)
	stopWatching()
	if k.how = "unmounted"; c.Context.Err() != nil {
		k.how = "a signal"
	}
	return err
}

// serve returns once the file system is unmounted, and unmounts it when ctx
// ends. Programs that still use it then have a short time to finish.
func serve(ctx context.Context, m *fs.Mount, log *slog.Logger) (err error) {
	unmounted := make(chan struct{})
	go func() {
		defer close(unmounted)
		m.Wait()
	}()
	select {
	case <-unmounted:
		notifySystemd(daemon.SdNotifyStopping)
		return nil
	case <-m.Gone(): // by somebody else
		notifySystemd(daemon.SdNotifyStopping)
	case <-ctx.Done():
		notifySystemd(daemon.SdNotifyStopping)
		var busy *mountpoint.Busy
		if busy, err = m.Unmount(); busy != nil {
			log.Warn(busy.String())
		}
	}
	select {
	case <-unmounted:
	case <-time.After(mountpoint.Grace):
		log.Warn("the mount is still in use: open files return errors (ENOTCONN) from now on")
	}
	return err
}

// notifySystemd tells the service manager, if it started this process.
func notifySystemd(state string) {
	_, _ = daemon.SdNotify(false, state) // without a service manager nobody needs to know
}
