package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write sessions as signed evidence that others can check",
		ArgsUsage: "SESSION… DEST",
		Description: "DEST is a folder that does not exist, or a file whose name ends in .zip or .zip.age; the directory that it\n" +
			"is to be in must be there. It becomes a BagIt bag: the files under names for people, the API's answers\n" +
			"verbatim, a record of each file, and a contact sheet; its README-evidence.txt says how to check it without\n" +
			"veriffs. An interrupted export continues with the same command. Also works without a mount, and without the\n" +
			"API for what is in the cache.",
		Flags: keeperFlags(append(selectionFlags(),
			&cli.BoolFlag{Name: "partial", Usage: "export what can be had, and record what is missing and why, instead of failing"},
			&cli.StringFlag{Name: "sign-key", TakesFile: true, DefaultText: "the installation's key",
				Usage: "sign with the OpenSSH private key in `FILE`, or with the SSH agent's key whose public key is in it"},
			&cli.StringFlag{Name: "timestamp", Usage: "get a time stamp (RFC 3161) from the authority at `URL`"},
			&cli.StringSliceFlag{Name: "encrypt-to", Usage: "encrypt to the age `RECIPIENT` (age1…); may be repeated; DEST then ends in .zip.age"},
		)...),
		Action: export,
	}
}

// selectionFlags say what of the sessions is wanted.
func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "latest-only", Usage: "only the newest attempt of each session (the default)"},
		&cli.BoolFlag{Name: "all-attempts", Usage: "all attempts of each session"},
		contextsFlag(), noVideoFlag(), noNFCFlag(),
		&cli.StringFlag{Name: "time", DefaultText: "now", Usage: "the `TIME` of the export, such as 2026-11-27T10:00:00Z: the same time and input give the same bytes"},
	}
}

// selection reads these flags.
func selection(c *cli.Context) (want exhibit.Selection, at time.Time, err error) {
	if c.Bool("latest-only") && c.Bool("all-attempts") {
		return want, at, usageError("give either --latest-only or --all-attempts")
	}
	files, err := wantedFiles(c, flagContexts)
	if err != nil {
		return want, at, err
	}
	at = time.Now()
	if text := c.String("time"); text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			return want, at, usageError("--time must be like 2026-11-27T10:00:00Z, not %q", text)
		}
		if err := evidence.CheckTime(at); err != nil {
			return want, at, usageError("--time: %s", trimPackage(err))
		}
	}
	return exhibit.Selection{AllAttempts: c.Bool("all-attempts"), Selection: files}, at, nil
}

func export(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) == 0 {
		return arguments(c, 1, -1)
	}
	dest := args[len(args)-1]
	if _, err := veriff.ParseSessionID(dest); err == nil || len(args) == 1 {
		return usageError("DEST is missing: veriffs export [options] SESSION… DEST")
	}
	want, at, err := selection(c)
	if err != nil {
		return err
	}
	o := evidence.Options{Time: at, Tool: "veriffs " + version, Partial: c.Bool("partial")}
	if o.Recipients, err = recipients(c.StringSlice("encrypt-to")); err != nil {
		return err
	}
	if dest, err = filepath.Abs(dest); err != nil {
		return err
	}
	if err := evidence.CheckDestination(dest, len(o.Recipients) > 0); errors.Is(err, evidence.ErrExists) || errors.Is(err, evidence.ErrNoDirectory) {
		return destinationTrouble(dest, err)
	} else if err != nil {
		return usageError("%s", trimPackage(err))
	}
	if o.Stamp, err = stamper(c.String("timestamp")); err != nil {
		return err
	}
	if file := c.String("sign-key"); file != "" {
		if o.Signer, err = loadSigner(file); err != nil {
			return err
		}
	}
	sessions, err := sessionsOf(c, args[:len(args)-1])
	if err != nil {
		return err
	}
	return withKeeper(c, records, func(k *keeper) error {
		plan, err := k.planExport(c, sessions, want, &o)
		if err != nil {
			return err
		}
		show := newProgress(c.App.ErrWriter)
		o.Progress = func(p evidence.Progress) { show.update(asWarmed(p)) }
		sum, err := evidence.Export(c.Context, k.exhibits, plan, dest, o)
		show.end()
		if err != nil {
			return destinationTrouble(dest, exportTrouble(err))
		}
		return exportSummary(c, &sum)
	})
}

// planExport completes the options of an export, and plans it.
func (k *keeper) planExport(c *cli.Context, sessions []veriff.SessionID, want exhibit.Selection, o *evidence.Options) (plan *evidence.Plan, err error) {
	if o.Signer == nil {
		if o.Signer, err = k.ownSigner(c.Context); err != nil {
			return nil, err
		}
	}
	if plan, err = k.prepare(c, sessions, want, o.Partial); err != nil {
		return nil, err
	}
	o.AccessLog, err = k.accessLogOf(c.Context)
	return plan, err
}

// sessionsOf returns the sessions that arguments name, each once.
func sessionsOf(c *cli.Context, args []string) (ids []veriff.SessionID, err error) {
	texts, err := idsOf(c, args)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		id, err := veriff.ParseSessionID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return sorted(ids), nil
}

// prepare plans an export and has its files fetched, many at once.
func (k *keeper) prepare(c *cli.Context, sessions []veriff.SessionID, want exhibit.Selection, partial bool) (*evidence.Plan, error) {
	plan, err := evidence.Prepare(c.Context, k.exhibits, sessions, want, partial)
	if err != nil {
		return nil, exportTrouble(err)
	}
	names := plan.Names()
	if len(names) == 0 {
		if len(want.Contexts) > 0 {
			fmt.Fprintf(c.App.ErrWriter, "warning: no file has a context that matches --contexts %s: only documents are exported\n", strings.Join(want.Contexts, ","))
		}
		return plan, nil
	}
	show := newProgress(c.App.ErrWriter)
	done, err := k.Warm(c.Context, warming.Options{Names: names, Selection: want.Selection}, show.update)
	show.end()
	switch {
	case err != nil && (!partial || c.Context.Err() != nil):
		return nil, warmTrouble(done, err)
	case len(done.Failures) > 0 && !partial:
		var missing []exhibit.Missing
		for _, f := range done.Failures {
			missing = append(missing, exhibit.Missing{Name: strings.TrimSuffix(f.Session+"/"+f.File, "/"), Reason: f.Error})
		}
		return nil, exportTrouble(&evidence.IncompleteError{Missing: missing})
	}
	return plan, nil
}

// asWarmed shows an export as if it were a warming.
func asWarmed(p evidence.Progress) warming.Progress {
	return warming.Progress{
		Sessions: p.Sessions, Done: p.Sessions, Files: p.Items, Bytes: max(p.Bytes, p.DoneBytes),
		Fetched: p.Done, FetchedBytes: p.DoneBytes,
	}
}

func exportSummary(c *cli.Context, sum *evidence.Summary) error {
	out := c.App.Writer
	fmt.Fprintf(out, "exported %s to %s: %s files, %s\n", english.Plural(sum.Sessions, "session", ""), sum.Destination,
		humanize.Comma(int64(sum.Files)), bytesText(sum.Bytes))
	if !sum.Stamped.IsZero() {
		fmt.Fprintf(out, "time stamp: %s\n", sum.Stamped.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(out, "attested with this key; whoever checks it with ssh-keygen -Y verify needs this line in a file of allowed signers:\n%s\n", evidence.AllowedSigner(sum.Signer))
	return lacking(c, sum)
}

// lacking says what an export or a contact sheet lacks.
func lacking(c *cli.Context, sum *evidence.Summary) error {
	if len(sum.Missing) == 0 {
		return nil
	}
	for _, m := range sum.Missing {
		fmt.Fprintf(c.App.ErrWriter, "missing: %s: %s\n", m.Name, trimPackage(errors.New(m.Reason)))
	}
	return &hinted{code: exitIncomplete,
		err:  fmt.Errorf("%s of what was asked for could not be had", english.Plural(len(sum.Missing), "part", "")),
		hint: "what was written says so too; try again later for the rest"}
}

// exportTrouble explains why an export failed.
func exportTrouble(err error) error {
	var lacks *evidence.IncompleteError
	switch {
	case errors.Is(err, context.Canceled):
		return &hinted{err: errors.New("interrupted"), code: exitFailed, hint: "what was fetched stays: run the same command again to continue"}
	case errors.Is(err, veriff.ErrSignature), errors.Is(err, veriff.ErrRedirect):
		return probeError(err)
	case errors.As(err, &lacks):
		return &hinted{err: err, code: exitIncomplete, hint: "nothing was exported; with --partial the rest is, and the bag says what it lacks"}
	case errors.Is(err, evidence.ErrBrokeOff):
		return &hinted{err: err, code: exitIncomplete, hint: "run the same command again; a folder can be exported without what breaks off"}
	case errors.Is(err, evidence.ErrStamp):
		return &hinted{err: err, code: exitFailed, hint: "run the same command again to continue, with the same authority or another; without --timestamp the bag has no time stamp"}
	case errors.Is(err, evidence.ErrSign):
		return &hinted{err: err, code: exitFailed, hint: "check that the key is still there, or that the SSH agent has it (ssh-add -L); then run the same command again"}
	}
	return trouble(err)
}

// destinationTrouble explains what is wrong with a destination.
func destinationTrouble(dest string, err error) error {
	switch {
	case errors.Is(err, evidence.ErrExists):
		return &usage{err: err, hint: "name a folder or file that does not exist: nothing is replaced"}
	case errors.Is(err, evidence.ErrNoDirectory):
		return &usage{err: err, hint: "make it first, or mount what belongs there; nothing was fetched"}
	case errors.Is(err, evidence.ErrOtherRequest):
		return &usage{err: err, hint: "finish that one with its own command, or remove " + dest + ".unfinished"}
	case errors.Is(err, evidence.ErrInTheWay):
		return &usage{err: err, hint: "nothing of it was changed: move it away, or export elsewhere"}
	case errors.Is(err, evidence.ErrBusy):
		return &hinted{err: err, code: exitFailed, hint: "wait for it to end, or export elsewhere"}
	}
	return err
}
