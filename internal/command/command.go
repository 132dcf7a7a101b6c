// Package command is the program: it reads the command line and the
// environment, wires the parts together and runs them, and turns what went
// wrong into a sentence, a hint and an exit code.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/fs"
	"veriffs/veriff"
)

// Exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3 // the credentials, or a reply that they don't verify
	exitUnreachable = 4 // the API
	exitMount       = 5
	exitCache       = 6
)

// version is set by the linker.
var version = "devel"

// Main runs the program with the arguments of a process and returns its exit
// code. The first SIGINT or SIGTERM asks it to end in order; after it the
// second ends the process at once.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := &cli.App{
		Name:      "veriffs",
		Usage:     "Veriff verification media as read-only files",
		UsageText: "veriffs mount [options] MOUNTPOINT\nveriffs demo",
		Version:   version,
		Reader:    stdin, Writer: stdout, ErrWriter: stderr,
		HideVersion:            true,
		UseShortOptionHandling: true,
		Commands: []*cli.Command{
			mountCommand(), unmountCommand(), demoCommand(), versionCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usageError("there is no command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError: onUsageError,
		// Without this the library would end the process by itself.
		ExitErrHandler: func(*cli.Context, error) {},
	}
	for _, c := range app.Commands {
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true
	}
	err := app.RunContext(ctx, args)
	if err == nil {
		return exitDone
	}
	var told *reported
	if errors.As(err, &told) {
		return told.code
	}
	code, hint := explain(err)
	fmt.Fprintf(stderr, "veriffs: %s\n", trimPackage(err))
	if hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	return code
}

// usage is a command line that can't be understood.
type usage struct{ err error }

func (u *usage) Error() string { return u.err.Error() }
func (u *usage) Unwrap() error { return u.err }

func usageError(format string, args ...any) error {
	return &usage{fmt.Errorf(format, args...)}
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return &usage{err} }

// hinted is an error with advice and an exit code of its own.
type hinted struct {
	err  error
	hint string
	code int
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// explain is the one place where an error becomes an exit code and advice.
func explain(err error) (code int, hint string) {
	var (
		u      *usage
		h      *hinted
		config *veriff.ConfigError
		opened *cache.OpenError
		mount  *fs.MountError
	)
	switch {
	case errors.As(err, &h):
		return h.code, h.hint
	case errors.As(err, &u):
		return exitUsage, "veriffs --help lists the commands, veriffs COMMAND --help the options of one"
	case errors.As(err, &config):
		return exitUsage, config.Hint
	case errors.As(err, &opened):
		return exitCache, opened.Hint
	case errors.As(err, &mount):
		return exitMount, mount.Hint
	default:
		return exitFailed, ""
	}
}

// trimPackage shows an error without the name of the package that made it,
// which says nothing to a user.
func trimPackage(err error) string {
	text := err.Error()
	for _, name := range []string{"veriff: ", "cache: ", "library: ", "fs: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintln(c.App.Writer, "veriffs", version)
			return err
		},
	}
}
