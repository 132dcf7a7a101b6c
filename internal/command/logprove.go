package command

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/accesslog"
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
	if err := l.Record(accesslog.Record{Operation: accesslog.OpLogRead, Outcome: accesslog.Success, Caller: &who, Detail: readingDetail("prove", filter)}); err != nil {
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
	fmt.Fprintf(c.App.ErrWriter, "%s records proven\n", humanize.Comma(int64(len(proof.Entries))))
	return nil
}

func logEraseCommand() *cli.Command {
	return &cli.Command{
		Name:  "erase",
		Usage: "erase all records that name a session, such as when a person asks for it",
		Description: "Their hashes stay, so that the log can be verified and proofs of other records hold. A record says which\n" +
			"were erased, why and by whom, and does not name the session. Records that name several sessions go, too.\n" +
			"Copies of the log, proofs that were handed out, and anything that reads it, are not reached.",
		Flags: whichLogFlags(
			&cli.StringSliceFlag{Name: flagSession, Usage: "erase records that name the session `ID`"},
			&cli.StringFlag{Name: flagReason, Usage: "`WHY`; it is recorded, so name no person"},
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
	_, err = fmt.Fprintf(c.App.Writer, "%s records erased\n", humanize.Comma(int64(n)))
	return err
}
