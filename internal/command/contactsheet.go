package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/veriff"
)

func contactSheetCommand() *cli.Command {
	return &cli.Command{
		Name:      "contact-sheet",
		Usage:     "show the pictures, videos, chip data and decisions of sessions on one HTML page",
		ArgsUsage: "SESSION…",
		Description: "The page holds small copies of the pictures and needs neither a network nor scripts. To hand it to others,\n" +
			"use veriffs export, which signs it.",
		Flags: keeperFlags(append(selectionFlags(),
			&cli.BoolFlag{Name: "partial", Usage: "show what can be had, and what is missing and why, instead of failing"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, TakesFile: true, Value: "contact-sheet.html",
				Usage: "write the page to `FILE`, which must not exist; - is standard output"},
		)...),
		Action: contactSheet,
	}
}

func contactSheet(c *cli.Context) error {
	if err := arguments(c, 1, -1); err != nil {
		return err
	}
	want, at, err := selection(c)
	if err != nil {
		return err
	}
	name := c.String("output")
	if _, err := os.Lstat(name); name != stdoutName && !errors.Is(err, fs.ErrNotExist) {
		return &usage{err: fmt.Errorf("--output: %s exists already", name), hint: "name another file with -o: nothing is replaced"}
	}
	sessions, err := sessionsOf(c, c.Args().Slice())
	if err != nil {
		return err
	}
	return withKeeper(c, records, func(k *keeper) error { return k.contactSheet(c, name, sessions, want, at) })
}

func (k *keeper) contactSheet(c *cli.Context, name string, sessions []veriff.SessionID, want exhibit.Selection, at time.Time) error {
	if name == stdoutName {
		_, err := k.writeSheet(c, c.App.Writer, sessions, want, at)
		return err
	}
	f, err := renameio.NewPendingFile(name, renameio.WithStaticPermissions(0o600))
	if err != nil {
		return cantWrite(name, err, "nothing was fetched")
	}
	defer f.Cleanup()
	sum, lacks := k.writeSheet(c, f, sessions, want, at)
	if sum == nil {
		return lacks
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "wrote %s: %s of %s\n", name, english.Plural(sum.Files, "file", ""), english.Plural(sum.Sessions, "session", ""))
	return lacks
}

// writeSheet writes the page. The error says what it lacks or, without a summary, why
// there is none.
func (k *keeper) writeSheet(c *cli.Context, w io.Writer, sessions []veriff.SessionID, want exhibit.Selection, at time.Time) (*evidence.Summary, error) {
	o := evidence.Options{Time: at, Tool: "veriffs " + version, Partial: c.Bool("partial")}
	plan, err := k.prepare(c, sessions, want, o.Partial)
	if err != nil {
		return nil, err
	}
	sum, err := evidence.ContactSheet(c.Context, k.exhibits, plan, w, o)
	if err != nil {
		return nil, exportTrouble(err)
	}
	return &sum, lacking(c, &sum)
}
