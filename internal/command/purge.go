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
		Usage:     "erase what is kept of a session, or of all, on disk and in memory, and prove it",
		UsageText: "veriffs purge [options] --session ID\nveriffs purge [options] --all",
		Flags: keeperFlags(
			&cli.StringFlag{Name: "session", Usage: "erase the files, lists and documents of the session `ID`"},
			&cli.BoolFlag{Name: "all", Usage: "erase everything, also what another secret sealed"},
			&cli.StringFlag{Name: "report", TakesFile: true, Usage: "write what was erased, as JSON, to `FILE`; - is standard output"},
		),
		Action: purge,
	}
}

func purge(c *cli.Context) error {
	if c.NArg() > 0 {
		return usageError("purge takes no arguments: use --session %s", c.Args().First())
	}
	if c.Bool("all") == c.IsSet("session") {
		return usageError("either --session ID or --all says what to erase")
	}
	var session veriff.SessionID
	if !c.Bool("all") {
		var err error
		if session, err = veriff.ParseSessionID(c.String("session")); err != nil {
			return usageError("--session: %q is no session id", c.String("session"))
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
	// The report of an erasure that failed says how far it came.
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
		proof = "that none are left is not proven"
	}
	fmt.Fprintf(out, "erased %s objects, %s on disk; %s\n", humanize.Comma(int64(len(erasure.Erased))), bytesText(erasure.Bytes), proof)
	if erasure.Open > 0 {
		fmt.Fprintf(out, "%d of them are open: who has them open can read on until they close them\n", erasure.Open)
	}
	return unproven(&erasure)
}

// unproven says why an erasure is no proof, and what to do about it.
func unproven(r *library.Erasure) error {
	switch {
	case r.Proven:
		return nil
	case r.Unreadable > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache has %s objects that the configured shared secret does not open, and they may be of what was to be erased", humanize.Comma(r.Unreadable)),
			hint: "if the secret was changed, name the old one, too (new,old), and run purge again; or erase all that there is: veriffs purge --all"}
	case r.Beside > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("this account's other cache has %s objects that were not looked into: a secret and an ephemeral key have one each", humanize.Comma(r.Beside)),
			hint: "unmount, and run purge with --cache-key secret and with --cache-key ephemeral"}
	case len(r.Unknown) > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache's directory has what veriffs did not put there and did not look into: %q", r.Unknown),
			hint: "look at it, move it away, and run purge again"}
	case r.Unattributed > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache has %s files and lists of attempts whose session is not known, and they may be of what was to be erased", humanize.Comma(r.Unattributed)),
			hint: "enter the session in a mount (ls MOUNTPOINT/sessions/ID), so that its attempts are known, and run purge again; or erase all that there is: veriffs purge --all"}
	}
	return &hinted{code: exitUnproven, err: errors.New("the mount did not say that nothing is left"), hint: "unmount it, and run purge again"}
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
