package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/internal/access"
	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/writer"
	"veriffs/internal/caller"
	"veriffs/internal/installation"
	"veriffs/veriff"
)

// Names of flags that choose records.
const (
	flagSession = "session"
	flagUser    = "user"
	flagProgram = "program"
	flagSince   = "since"
	flagUntil   = "until"
	flagOp      = "op"
	flagFailed  = "failed"
	flagReason  = "reason"
)

func logCommand() *cli.Command {
	return &cli.Command{
		Name:  "log",
		Usage: "read, verify and prove the access log",
		Subcommands: []*cli.Command{
			logShowCommand(), logVerifyCommand(), logProveCommand(), logEraseCommand(), logKeyCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				name := c.Args().First()
				return unknownCommand(c.Command, name, "unknown command %q: a log can be shown, verified and proven, records erased, and its key printed", name)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// whichLogFlags say which log is meant.
func whichLogFlags(more ...cli.Flag) []cli.Flag {
	flags := []cli.Flag{profileFlag()}
	for _, f := range accessLogFlags() {
		if name := f.Names()[0]; name == flagAccessLog || name == flagInstallationKey {
			flags = append(flags, f)
		}
	}
	return append(more, flags...)
}

// namedLog returns the path of the log that the flags, the environment or the profile
// name, and the file of the key.
func namedLog(c *cli.Context) (path, key string, err error) {
	if _, err := useProfile(c); err != nil {
		return "", "", err
	}
	path, key = c.String(flagAccessLog), c.String(flagInstallationKey)
	if key == "" {
		key = installation.DefaultPath()
	}
	if path == "" {
		return "", key, usageError("--%s must name the access log; a profile can, too", flagAccessLog)
	}
	return path, key, nil
}

// filterFlags choose records.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: flagSession, Usage: "records about the session `ID`, and others that name it; may be repeated"},
		&cli.StringSliceFlag{Name: flagUser, Usage: "records of processes of the user `NAME|UID`, or that its login began; may be repeated"},
		&cli.StringFlag{Name: flagProgram, Usage: "records of the program `NAME|PATH`"},
		&cli.StringFlag{Name: flagSince, Usage: "records since `TIME`: 2026-11-27, \"2026-11-27 14:30\", or 7d or 12h ago"},
		&cli.StringFlag{Name: flagUntil, Usage: "records before `TIME`"},
		&cli.StringSliceFlag{Name: flagOp, Usage: "records of the operation `NAME`, such as open, purge or mount; may be repeated"},
		&cli.BoolFlag{Name: flagFailed, Usage: "only what failed or was refused"},
	}
}

// readFilter reads the flags that choose records.
func readFilter(c *cli.Context, now time.Time) (f accesslog.Filter, err error) {
	if f.Sessions, err = logSessions(c); err != nil {
		return f, err
	}
	f.Mentioned = true
	for _, name := range c.StringSlice(flagUser) {
		uid, err := userID(name)
		if err != nil {
			return f, err
		}
		f.UIDs = append(f.UIDs, uid)
	}
	f.Program, f.Failed = c.String(flagProgram), c.Bool(flagFailed)
	if f.Since, err = timeFlag(c, flagSince, now); err != nil {
		return f, err
	}
	if f.Until, err = timeFlag(c, flagUntil, now); err != nil {
		return f, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, usageError("--%s must be before --%s", flagSince, flagUntil)
	}
	for _, name := range c.StringSlice(flagOp) {
		op := accesslog.Operation(name)
		if !op.Known() {
			return f, usageError("--%s: no operation is called %q; there are %s", flagOp, name, strings.Join(accesslog.Operations(), ", "))
		}
		f.Operations = append(f.Operations, op)
	}
	return f, nil
}

// logSessions returns the sessions that --session names, as the log writes them.
func logSessions(c *cli.Context) (ids []string, err error) {
	for _, text := range c.StringSlice(flagSession) {
		id, err := veriff.ParseSessionID(text)
		if err != nil {
			return nil, usageError("--%s: %q is not a session id", flagSession, text)
		}
		ids = append(ids, id.String())
	}
	return ids, nil
}

func userID(name string) (uint32, error) {
	id, err := access.ID(name, lookUpUser)
	if err != nil {
		return 0, usageError("--%s: %w; a number works anywhere", flagUser, err)
	}
	return id, nil
}

// timeFlag reads a moment: a date, a date and time in the local zone or with one, or
// how long ago it was.
func timeFlag(c *cli.Context, name string, now time.Time) (time.Time, error) {
	text := c.String(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if ago, err := ageFlag(c, name); err == nil {
		return now.Add(-ago), nil
	}
	return time.Time{}, usageError("--%s must be a time such as 2026-11-27, \"2026-11-27 14:30\" or 7d, not %q", name, text)
}

// openLog opens the log to write to it. It begins none: who reads a log means one that
// there is.
func openLog(path, key string) (*writer.Log, error) {
	if _, err := audit.Origin(path); err != nil {
		return nil, err
	}
	k, err := installation.Load(key)
	if err != nil {
		return nil, err
	}
	return writer.Open(writer.Options{Path: path, Mode: accesslog.Required, Key: k, Common: accesslog.Record{Version: version}})
}

// recordReading records that the log is read. A log that can't be written, such as a
// copy or one that is damaged, can be read all the same, with a warning.
func recordReading(c *cli.Context, path, key string, r accesslog.Record) {
	who := caller.Self()
	r.Operation, r.Outcome, r.Caller = accesslog.OpLogRead, accesslog.Success, &who
	l, err := openLog(path, key)
	if err == nil {
		err = errors.Join(l.Record(c.Context, r), l.Close())
	}
	if err != nil {
		problem, _, _ := explain(c.Context, err)
		fmt.Fprintf(c.App.ErrWriter, "veriffs: this reading is not recorded: %s\n", problem)
	}
}

func logKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "print the key that verifies the access log, to be kept elsewhere",
		Description: "It is public. Without it, a log that was written anew with another key can't be told from the true one.\n" +
			"--ssh prints the same key for ssh-keygen -Y verify, which checks receipts and exports.",
		Flags: whichLogFlags(
			&cli.BoolFlag{Name: "ssh", Usage: "print the installation's public key in OpenSSH's format"},
		),
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			path, keyFile, err := namedLog(c)
			if err != nil && !(c.Bool("ssh") && keyFile != "") {
				return err
			}
			key, err := installation.Load(keyFile)
			if err != nil {
				return err
			}
			text := key.Public()
			if !c.Bool("ssh") {
				origin, err := audit.Origin(path)
				if err != nil {
					return err
				}
				text = key.VerifierKey(origin)
			}
			_, err = fmt.Fprintln(c.App.Writer, text)
			return err
		},
	}
}
