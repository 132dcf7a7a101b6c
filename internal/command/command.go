// Package command is the program: it reads the command line and the
// environment, wires the parts together, runs them, and turns failures into a
// sentence, a hint and an exit code.
//
// # What it promises
//
// A failure is reported once, on standard error: as "veriffs: problem" and, if
// the user can do something about it, "hint: advice". Exit codes keep their
// meaning. Results go to standard output, everything else to standard error or
// the log.
//
// No secret is a flag, since every user of a machine can read the arguments of a
// process. SIGINT and SIGTERM end every wait, and a mount is unmounted before its
// process ends.
//
// # What it does not promise
//
// Messages may change; programs should rely on exit codes and --json. A second
// SIGINT or SIGTERM, more than a second after the first, kills the process even
// if that leaves a dead mount.
//
// # Concurrency
//
// One command runs in a process. Two small locks guard the log file and the
// counts of repeated messages; neither is held while the other is taken.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/fs/mountpoint"
	"veriffs/internal/accesslog"
	"veriffs/internal/config"
	"veriffs/internal/installation"
	"veriffs/internal/memory"
	"veriffs/veriff"
)

// Exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3 // the credentials, or a reply whose signature they don't verify
	exitUnreachable = 4 // the API
	exitMount       = 5
	exitCache       = 6
	exitUnproven    = 7  // erased, without proof that nothing is left
	exitRecords     = 8  // the access log
	exitHeld        = 9  // a hold forbids it
	exitIncomplete  = 10 // held, to be exported or to be checked, but something of it is missing
	exitTampered    = 11 // the access log, a bag or the cache is not what was written
	exitTeam        = 12 // the team store
)

// exitMeanings are what the help and the manual say of the exit codes.
var exitMeanings = []struct {
	code  int
	means string
}{
	{exitDone, "done"}, {exitFailed, "failed"}, {exitUsage, "wrong usage"}, {exitRefused, "credentials refused"},
	{exitUnreachable, "API unreachable"}, {exitMount, "mount failed"}, {exitCache, "cache unusable"},
	{exitUnproven, "erased, without proof that nothing is left"}, {exitRecords, "access log unusable"},
	{exitHeld, "a hold forbids it"}, {exitIncomplete, "held or to be exported, but something of it is missing"},
	{exitTampered, "access log, bag or cache not what was written"}, {exitTeam, "team store unusable"},
}

// aboutAll is what the help and the manual say about all commands.
const aboutAll = `Most options can also be set by an environment variable: --cache-size by
VERIFFS_CACHE_SIZE, and so on; --api-url and --api-key also by VERIFF_API_URL and
VERIFF_API_KEY. A setting given by neither comes from a profile (see login). The
shared secret comes from --shared-secret-file, VERIFF_SHARED_SECRET, systemd's
$CREDENTIALS_DIRECTORY/veriff-shared-secret or the profile.`

// description is what the help says about all commands.
func description() string {
	text := aboutAll + "\n\nExit codes:"
	width := len("Exit codes:")
	for i, e := range exitMeanings {
		end := ","
		if i == len(exitMeanings)-1 {
			end = "."
		}
		for word := range strings.FieldsSeq(fmt.Sprint(e.code, " ", e.means, end)) {
			before := " "
			if width+1+len(word) > 80 {
				before, width = "\n", -1
			}
			text += before + word
			width += 1 + len(word)
		}
	}
	return text
}

// version is set by the linker.
var version = "devel"

// Main runs the program with the arguments of a process and returns its exit
// code.
func Main(args []string) int {
	memory.NoCore()
	muteLibraries()
	args = asHelper(args)
	if err := takeSecrets(); err != nil {
		fmt.Fprintf(os.Stderr, "veriffs: %s\n", trimPackage(err))
		return exitFailed
	}
	ignoreEmptyVariables()
	findHome()
	ctx, stop := untilTold(context.Background())
	defer stop()
	return run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

// newApp returns the program with all its commands.
func newApp() *cli.App {
	app := &cli.App{
		Name:                   "veriffs",
		Usage:                  "Veriff verification media as read-only files",
		UsageText:              "veriffs mount [options] MOUNTPOINT\nveriffs demo",
		Description:            description(),
		Version:                version,
		UseShortOptionHandling: true,
		Commands: []*cli.Command{
			mountCommand(), helperCommand(), unmountCommand(), sessionsCommand(), webhookCommand(),
			statusCommand(), warmCommand(), pinCommand(), unpinCommand(), evictCommand(), purgeCommand(),
			holdCommand(), retentionCommand(), teamCommand(), logCommand(),
			exportCommand(), contactSheetCommand(), verifyCommand(),
			loginCommand(), profileCommand(), configCommand(), doctorCommand(), demoCommand(), versionCommand(),
			manualCommand(), completionCommand(), completeCommand(), watchCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				name := c.Args().First()
				return unknownCommand(c.Command, name, "unknown command %q", name)
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError: onUsageError,
		// By default the library would exit the process.
		ExitErrHandler: func(*cli.Context, error) {},
	}
	for _, c := range app.Commands {
		ownErrors(c)
	}
	return app
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := newApp()
	app.Reader, app.Writer, app.ErrWriter = &interruptibleReader{ctx, stdin}, stdout, stderr
	err := app.RunContext(ctx, optionsFirst(app, args))
	if err == nil {
		return exitDone
	}
	var told *reported
	code := exitFailed
	if errors.As(err, &told) {
		code = told.code
	} else {
		var problem, hint string
		problem, hint, code = explain(ctx, err)
		fmt.Fprintf(stderr, "veriffs: %s\n", problem)
		if hint != "" {
			fmt.Fprintf(stderr, "hint: %s\n", hint)
		}
	}
	if isHelper(args) {
		return helperCode(ctx, err, code)
	}
	return code
}

// ownErrors makes a command and its subcommands leave errors to us.
func ownErrors(c *cli.Command) {
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	for _, sub := range c.Subcommands {
		ownErrors(sub)
	}
}

// usage is a wrong command line or setting.
type usage struct {
	err  error
	hint string // "" points to the help
}

func (u *usage) Error() string { return u.err.Error() }
func (u *usage) Unwrap() error { return u.err }

func usageError(format string, args ...any) error {
	return &usage{err: fmt.Errorf(format, args...)}
}

// hinted is an error with advice and an exit code of its own.
type hinted struct {
	err  error
	hint string
	code int
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// explain makes an error a sentence, advice and an exit code.
func explain(ctx context.Context, err error) (problem, hint string, code int) {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return "interrupted", "", exitFailed // whatever it was busy with
	}
	problem, hint, code = known(err)
	return problem, hint, cmp.Or(code, exitFailed)
}

// known is the one place that says which errors have a sentence, advice or an exit code
// of their own. The code of others is 0.
func known(err error) (problem, hint string, code int) {
	var (
		u      *usage
		h      *hinted
		wrong  *veriff.ConfigError
		stored *config.Error
		opened *cache.OpenError
		mount  *mountpoint.Error
		logged *accesslog.Error
		key    *installation.Error
		exit   cli.ExitCoder // of the library's own help command
	)
	problem = trimPackage(err)
	switch {
	case errors.As(err, &h):
		return problem, h.hint, h.code
	case errors.As(err, &u) && u.hint != "":
		return problem, u.hint, exitUsage
	case u != nil, errors.As(err, &exit):
		return problem, "veriffs --help lists the commands, veriffs COMMAND --help the options of one", exitUsage
	case errors.As(err, &wrong):
		return string(wrong.Setting) + " " + wrong.Problem, configHint(wrong), exitUsage
	case errors.As(err, &stored):
		return problem, stored.Hint, exitUsage
	case errors.As(err, &opened):
		return "the cache can't be used: " + problem, opened.Hint, exitCache
	case errors.As(err, &mount):
		return problem, mount.Hint, exitMount
	case errors.As(err, &logged):
		return problem, logged.Hint, exitRecords
	case errors.As(err, &key):
		return problem, key.Hint, exitRecords
	default:
		return problem, "", 0
	}
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			cli.VersionPrinter(c)
			return nil
		},
	}
}

// --version prints what the command prints.
func init() {
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintln(c.App.Writer, "veriffs", c.App.Version) }
}
