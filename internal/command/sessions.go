package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"

	"veriffs/internal/sessionlist"
	"veriffs/veriff"
)

// defaultSessions is the sessions file used when none is named.
func defaultSessions() string { return filepath.Join(xdg.DataHome, "veriffs", "sessions.txt") }

// sessionFiles returns the sessions files that a command should use.
func sessionFiles(c *cli.Context) (files []string, err error) {
	for _, name := range c.StringSlice(flagSessions) {
		if name == "" {
			continue // an empty variable
		}
		// Absolute, because a background process changes its directory.
		if name != sessionlist.Stdin {
			if name, err = filepath.Abs(name); err != nil {
				return nil, err
			}
		}
		files = append(files, name)
	}
	if len(files) == 0 {
		// It need not exist: it can be watched anyway.
		files = append(files, defaultSessions())
	}
	return files, nil
}

// editableFile returns the file to write to: the first that is not standard
// input.
func editableFile(files []string) (*sessionlist.File, error) {
	i := slices.IndexFunc(files, func(name string) bool { return name != sessionlist.Stdin })
	if i < 0 {
		return nil, usageError("--%s must name a file to write sessions to", flagSessions)
	}
	return sessionlist.NewFile(files[i]), nil
}

func sessionsCommand() *cli.Command {
	sub := func(name, usage, args string, action cli.ActionFunc) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Action: action, Flags: []cli.Flag{
			sessionsFlag("the sessions `FILE`"), profileFlag(),
		}}
	}
	return &cli.Command{
		Name:  "sessions",
		Usage: "list, add or remove the sessions of a sessions file",
		Subcommands: []*cli.Command{
			sub("add", "add sessions; - reads ids, a table or webhook bodies from standard input", "ID…", addSessions),
			sub("remove", "remove sessions; - reads them from standard input", "ID…", removeSessions),
			sub("list", "print the sorted ids of all sessions in the file", " ", listSessions),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				name := c.Args().First()
				return unknownCommand(c.Command, name, "unknown command %q: sessions can be added, removed and listed", name)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func addSessions(c *cli.Context) error {
	file, ids, err := sessionArguments(c)
	if err != nil {
		return err
	}
	added, err := file.Add(c.Context, ids)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%d added, %d already there: %s\n", added, len(sorted(ids))-added, file.Name())
	return err
}

func removeSessions(c *cli.Context) error {
	file, ids, err := sessionArguments(c)
	if err != nil {
		return err
	}
	removed, err := file.Remove(c.Context, ids)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%d removed, %d not there: %s\n", removed, len(sorted(ids))-removed, file.Name())
	return err
}

// sessionArguments returns the file to edit and the ids that the arguments give.
// An invalid id is an error, before anything is written.
func sessionArguments(c *cli.Context) (*sessionlist.File, []veriff.SessionID, error) {
	if err := arguments(c, 1, -1); err != nil {
		return nil, nil, err
	}
	if _, err := useProfile(c); err != nil {
		return nil, nil, err
	}
	files, err := sessionFiles(c)
	if err != nil {
		return nil, nil, err
	}
	if len(files) > 1 {
		return nil, nil, usageError("--%s must name exactly one file to change", flagSessions)
	}
	file, err := editableFile(files)
	if err != nil {
		return nil, nil, err
	}
	var ids []veriff.SessionID
	for _, arg := range c.Args().Slice() {
		if arg == sessionlist.Stdin {
			read, err := readSessions(c.App.Reader)
			if err != nil {
				return nil, nil, err
			}
			ids = append(ids, read...)
			continue
		}
		id, err := veriff.ParseSessionID(arg)
		if err != nil {
			return nil, nil, usageError("%q is not a session id; nothing was changed", arg)
		}
		ids = append(ids, id)
	}
	return file, ids, nil
}

// readSessions reads ids from standard input: all of them, or it fails.
func readSessions(r io.Reader) ([]veriff.SessionID, error) {
	var bad []error
	ids, err := sessionlist.Read(r, func(line int, reason string) {
		if len(bad) < 10 {
			bad = append(bad, fmt.Errorf("line %d: %s", line, reason))
		}
	})
	if err != nil {
		bad = append(bad, err)
	}
	if len(bad) > 0 {
		return nil, usageError("standard input has invalid session ids; nothing was changed: %w", errors.Join(bad...))
	}
	return ids, nil
}

func listSessions(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if _, err := useProfile(c); err != nil {
		return err
	}
	files, err := sessionFiles(c)
	if err != nil {
		return err
	}
	var ids []veriff.SessionID
	for _, name := range files {
		bad := func(line int, reason string) {
			fmt.Fprintf(c.App.ErrWriter, "veriffs: %s, line %d: %s\n", name, line, reason)
		}
		var read []veriff.SessionID
		if name == sessionlist.Stdin {
			read, err = sessionlist.Read(c.App.Reader, bad)
		} else {
			read, err = sessionlist.ReadFile(name, bad)
		}
		if errors.Is(err, fs.ErrNotExist) && name == defaultSessions() {
			err = nil // nobody has added one yet
		}
		if err != nil {
			return fmt.Errorf("list the sessions of %s: %w", name, err)
		}
		ids = append(ids, read...)
	}
	if len(ids) == 0 {
		// On standard error: scripts read the list.
		fmt.Fprintln(c.App.ErrWriter, "no sessions in", strings.Join(files, ", "))
	}
	for _, id := range sorted(ids) {
		if _, err := fmt.Fprintln(c.App.Writer, id); err != nil {
			return err
		}
	}
	return nil
}
