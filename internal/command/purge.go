package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/veriff"
)

func purgeCommand() *cli.Command {
	return &cli.Command{
		Name:      "purge",
		Usage:     "erase what is kept of one session or of all, on disk and in memory, and prove it",
		UsageText: "veriffs purge [options] --session ID\nveriffs purge [options] --all",
		Flags: keeperFlags(
			&cli.StringFlag{Name: "session", Usage: "erase the files, lists and documents of the session `ID`"},
			&cli.BoolFlag{Name: "all", Usage: "erase everything, including what another secret sealed"},
			&cli.StringFlag{Name: "report", TakesFile: true, Usage: "write a report of what was erased, as JSON, to `FILE`; - is standard output"},
		),
		Action: purge,
	}
}

func purge(c *cli.Context) error {
	if c.NArg() > 0 {
		return usageError("purge takes no arguments: use --session %s", c.Args().First())
	}
	if c.Bool("all") == c.IsSet("session") {
		return usageError("give either --session ID or --all")
	}
	var session veriff.SessionID
	if !c.Bool("all") {
		var err error
		if session, err = veriff.ParseSessionID(c.String("session")); err != nil {
			return usageError("--session: %q is not a session id", c.String("session"))
		}
	}
	file := c.String("report")
	if err := checkReport(file); err != nil {
		return err
	}
	k, err := newKeeper(c, tidies)
	if err != nil {
		return err
	}
	defer k.close()
	var erasure library.Erasure
	if c.Bool("all") {
		erasure, err = k.EraseAll(c.Context)
	} else {
		erasure, err = k.EraseSession(c.Context, session)
	}
	// The report of a failed erasure says how far it got.
	if file != "" && !erasure.Started.IsZero() {
		if wrote := writeReport(c.App.Writer, file, purgeReport{k.cacheDir(), erasure}); wrote != nil {
			return fmt.Errorf("write the report: %w", wrote)
		}
	}
	if err != nil {
		return trouble(err)
	}
	out := c.App.Writer
	if file == "-" {
		out = c.App.ErrWriter
	}
	proof := "reading the whole cache in " + k.cacheDir() + " again found none left"
	if !erasure.Proven {
		proof = "it is not proven that none are left"
	}
	fmt.Fprintf(out, "erased %s objects, %s on disk; %s\n", humanize.Comma(int64(len(erasure.Erased))), bytesText(erasure.Bytes), proof)
	if erasure.Open > 0 {
		fmt.Fprintf(out, "%d of them are open: programs that have them open can read them until they close them\n", erasure.Open)
	}
	return unproven(&erasure)
}

// unproven says why an erasure is not proven, and what to do about it.
func unproven(r *library.Erasure) error {
	switch {
	case r.Proven:
		return nil
	case r.Unreadable > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache has %s objects that the configured shared secret does not open; they may belong to what was to be erased", humanize.Comma(r.Unreadable)),
			hint: "if the secret was changed, set the old one as well (new,old) and run purge again; or erase everything: veriffs purge --all"}
	case r.Beside > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("this account's other cache has %s objects that were not checked: the secret and the ephemeral key have a cache each", humanize.Comma(r.Beside)),
			hint: "unmount, then run purge with --cache-key secret and again with --cache-key ephemeral"}
	case len(r.Unknown) > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache's directory has entries that veriffs did not create and did not check: %q", r.Unknown),
			hint: "check them, move them away, and run purge again"}
	case r.Unattributed > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache has %s files and lists of attempts whose session is unknown; they may belong to what was to be erased", humanize.Comma(r.Unattributed)),
			hint: "enter the session in a mount (ls MOUNTPOINT/sessions/ID), so that its attempts are known, and run purge again; or erase everything: veriffs purge --all"}
	}
	return &hinted{code: exitUnproven, err: errors.New("the mount did not report that nothing is left"), hint: "unmount it and run purge again"}
}

// purgeReport is the evidence as it is written down.
type purgeReport struct {
	Cache string `json:"cache"` // the directory that was read
	library.Erasure
}

// checkReport refuses to replace what is no regular file, such as /dev/null.
func checkReport(file string) error {
	if file == "" || file == "-" {
		return nil
	}
	info, err := os.Lstat(file)
	if err == nil && !info.Mode().IsRegular() {
		return usageError("--report: %s is no regular file, and would be replaced", file)
	}
	return nil // what is wrong otherwise shows when it is written
}

// writeReport writes the evidence so that it is whole or not there, and lasts.
func writeReport(stdout io.Writer, file string, r purgeReport) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if file == "-" {
		_, err = stdout.Write(text)
		return err
	}
	return renameio.WriteFile(file, text, 0o600)
}
