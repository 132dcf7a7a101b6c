package command

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/caller"
)

func logProveCommand() *cli.Command {
	return &cli.Command{
		Name:  "prove",
		Usage: "write records of a session with proofs that they are in the log, to hand out without the rest",
		Description: "veriffs log verify checks the file anywhere, with nothing else but the key that veriffs log key prints.\n" +
			"It has the records about the sessions named, not those that only mention them.",
		Flags: whichLogFlags(append(filterFlags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, TakesFile: true, DefaultText: "standard output", Usage: "write to `FILE`"},
		)...),
		Action: logProve,
	}
}

func logProve(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	path, key, err := namedLog(c)
	if err != nil {
		return err
	}
	filter, err := readFilter(c, time.Now())
	if err != nil {
		return err
	}
	if filter.Mentioned = false; len(filter.Sessions) == 0 {
		return usageError("--%s must name the sessions whose records are proven", flagSession)
	}
	l, err := openLog(path, key)
	if err != nil {
		return err
	}
	defer l.Close()
	who := caller.Self()
	if err := l.Record(c.Context, accesslog.Record{Operation: accesslog.OpLogRead, Outcome: accesslog.Success, Caller: &who, Detail: readingDetail("prove", filter)}); err != nil {
		return err
	}
	proof, err := l.Prove(filter)
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(proof, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	output := c.String("output")
	if output == "" {
		_, err = c.App.Writer.Write(text)
	} else {
		err = renameio.WriteFile(output, text, 0o600)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "%s %s proven\n", humanize.Comma(int64(len(proof.Entries))), english.PluralWord(len(proof.Entries), "record", ""))
	return nil
}

func logEraseCommand() *cli.Command {
	return &cli.Command{
		Name:  "erase",
		Usage: "erase all records that name a session, such as when a person asks for it",
		Description: "Without --yes it only says what would go. Hashes stay, so that the log can be verified and proofs of other records hold. A record says which\n" +
			"were erased, why and by whom, and does not name the session. Records that name several sessions go, too;\n" +
			"those of mounts, of new files and of gaps stay.\n" +
			"Copies of the log, proofs that were handed out, and anything that reads it, are not reached.",
		Flags: whichLogFlags(
			&cli.StringSliceFlag{Name: flagSession, Usage: "erase records that name the session `ID`"},
			&cli.StringFlag{Name: flagReason, Usage: "`WHY`; it is recorded, so name no person"},
			&cli.BoolFlag{Name: "yes", Usage: "erase them; it can't be undone"},
		),
		Action: logErase,
	}
}

func logErase(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	path, key, err := namedLog(c)
	if err != nil {
		return err
	}
	ids, err := logSessions(c)
	if err != nil {
		return err
	}
	if len(ids) != 1 || c.String(flagReason) == "" {
		return usageError("--%s must name one session, and --%s say why", flagSession, flagReason)
	}
	if err := confirmErasure(c, path, ids[0]); err != nil {
		return err
	}
	l, err := openLog(path, key)
	if err != nil {
		return err
	}
	defer l.Close()
	who := caller.Self()
	n, err := l.Erase(ids[0], c.String(flagReason), accesslog.Record{Caller: &who})
	if err != nil {
		return fmt.Errorf("%d records were erased, then: %w", n, err)
	}
	if err := l.Close(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.App.Writer, "%s %s erased\n", humanize.Comma(int64(n)), english.PluralWord(n, "record", "")); err != nil {
		return err
	}
	return tellCompressed(c, l.Path())
}

// tellCompressed names files that may have records that were not erased.
func tellCompressed(c *cli.Context, log string) error {
	beside, err := logfile.Files{Base: log}.Beside()
	for _, path := range beside.Compressed {
		fmt.Fprintf(c.App.ErrWriter, "veriffs: nothing was erased in %s: it is compressed\n", plain(filepath.Base(path)))
	}
	return err
}

// confirmErasure refuses to erase without --yes, and an id that is none of a session
// in the log. It says what would go.
func confirmErasure(c *cli.Context, path, session string) error {
	e, err := audit.ToErase(path, session)
	switch {
	case err != nil:
		return err
	case !e.OfSession():
		return usageError("no record in the log is about the session %s: nothing is erased", session)
	case !c.Bool("yes"):
		minute := func(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
		return &hinted{
			err: fmt.Errorf("%s records from %s to %s would be erased for good, and %s that name the session stay",
				humanize.Comma(int64(e.Records)), minute(e.First), minute(e.Last), humanize.Comma(int64(e.Kept))),
			code: exitUsage, hint: "veriffs log show --session shows them; add --yes to erase them",
		}
	}
	return nil
}
