package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/veriff"
)

func purgeCommand() *cli.Command {
	return &cli.Command{
		Name:      "purge",
		Usage:     "erase what is kept of one session or of all, on disk and in memory, and prove it",
		UsageText: "veriffs purge [options] --session ID\nveriffs purge [options] --all",
		Description: "With --session, the files are erased in the team store, too; --all leaves that store alone, for it is the team's.\n" +
			"What is held (see veriffs hold) is not erased: exit code 9, and nothing is erased then. A receipt is JSON; FILE.sig\n" +
			"is its signature by the key of this installation. To check it, write an identity and the key's public half\n" +
			"(ssh-keygen -y -f installation.key) into a line of a file:\n\n" +
			"  ssh-keygen -Y verify -f SIGNERS -I IDENTITY -n veriffs-receipt -s FILE.sig < FILE\n\n" +
			"The access log has the receipt's SHA-256: veriffs log show --op purge.",
		Flags: keeperFlags(
			&cli.StringFlag{Name: "session", Usage: "erase the files, lists and documents of the session `ID`"},
			&cli.BoolFlag{Name: "all", Usage: "erase everything, including what another secret sealed"},
			&cli.BoolFlag{Name: "except-held", Usage: "with --all: erase everything but what is held"},
			&cli.BoolFlag{Name: "at-veriff", Usage: "with --session and --yes: then ask Veriff to delete the session, which can't be undone"},
			&cli.BoolFlag{Name: "yes", Usage: "with --at-veriff: do it"},
			&cli.StringFlag{Name: flagReceipt, Aliases: []string{"report"}, TakesFile: true, Usage: "write a receipt of what was erased, as JSON, to `FILE`, and its signature to FILE.sig; - is standard output, without a signature"},
		),
		Action: purge,
	}
}

func purge(c *cli.Context) error {
	what, session, err := purgeArguments(c)
	if err != nil {
		return err
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		file, err := openReceipt(c, k)
		if err != nil {
			return err
		}
		return k.purge(c, what, session, file)
	})
}

// purge erases what was asked for, and makes the receipt of it, if one is wanted.
func (k *keeper) purge(c *cli.Context, what asked, session veriff.SessionID, file *receiptFile) error {
	erase := func() (library.Erasure, error) { return k.EraseSession(c.Context, session) }
	if what.All {
		erase = func() (library.Erasure, error) { return k.EraseAll(c.Context, what.ExceptHeld) }
	}
	erasure, err := nothingErased(what.Session), error(nil)
	if what.AtVeriff {
		err = k.refuseDeletion(c.Context)
	}
	if err == nil {
		erasure, err = erase()
	}
	r := newReceipt(k.cacheDir(), what, erasure, err)
	r.addExports(c.Context, k, what.Session)
	var deletion error
	if what.AtVeriff && err == nil {
		r.AtVeriff, deletion = deleteAtVeriff(c.Context, k, session)
	}
	issued := k.issue(c, file, r)
	if err == nil {
		writePurged(file.besides(c), r)
	}
	if err := errors.Join(erasureTrouble(err), deletion, issued); err != nil {
		return err
	}
	return unproven(&erasure)
}

// refuseDeletion refuses what Veriff can't undo as long as a secret that is not configured
// has sealed holds, or the team's store does not say what is held, before anything is erased.
func (k *keeper) refuseDeletion(ctx context.Context) error {
	_, err := k.Holds(ctx)
	var others *library.HeldError
	if err == nil {
		if _, err = k.TeamHolds(ctx); errors.Is(err, library.ErrNoTeam) || errors.Is(err, library.ErrHeld) {
			return nil // whose holds can't be read forbids the erasure as well, which says so
		}
	}
	if errors.As(err, &others) && others.Foreign == 0 {
		return nil // likewise
	}
	if err != nil {
		err = fmt.Errorf("nothing was erased, and Veriff was not asked: %w", err)
	}
	return err
}

// erasureTrouble explains why an erasure failed. It may have erased a part.
func erasureTrouble(err error) error {
	if err = trouble(err); err == nil || hasHint(err) {
		return err
	}
	return &hinted{err: err, code: exitFailed, hint: "some of it may be left: run the same command again, if need be after unmounting"}
}

// purgeArguments reads what is to be erased.
func purgeArguments(c *cli.Context) (what asked, session veriff.SessionID, err error) {
	what = asked{All: c.Bool("all"), ExceptHeld: c.Bool("except-held"), AtVeriff: c.Bool("at-veriff"), By: thisUser()}
	switch {
	case c.NArg() > 0:
		return what, session, usageError("purge takes no arguments: use --session %s", c.Args().First())
	case what.All == c.IsSet("session"):
		return what, session, usageError("give either --session ID or --all")
	case what.ExceptHeld && !what.All:
		return what, session, usageError("--except-held goes with --all: a session that is held is not erased")
	case what.AtVeriff && what.All:
		return what, session, usageError("--at-veriff goes with --session: Veriff deletes one session at a time, at most 5 in an hour and 10 in a day")
	case what.All:
		return what, session, nil
	}
	if session, err = veriff.ParseSessionID(c.String("session")); err != nil {
		return what, session, usageError("--session: %q is not a session id", c.String("session"))
	}
	what.Session = session.String()
	if what.AtVeriff && !c.Bool("yes") {
		return what, session, &usage{
			err:  fmt.Errorf("with --at-veriff, this erases what is kept of session %s here and then asks Veriff to delete it for good, with its decision and all its media; nothing was done", session),
			hint: "add --yes to do it; Veriff accepts at most 5 such requests in an hour and 10 in a day, and only where it has switched that on",
		}
	}
	return what, session, nil
}

// deleteAtVeriff asks Veriff to delete a session, and says what became of that.
func deleteAtVeriff(ctx context.Context, k *keeper, id veriff.SessionID) (*atVeriff, error) {
	d, err := k.DeleteAtVeriff(ctx, id)
	r := &atVeriff{Deletion: d}
	if err == nil {
		return r, nil
	}
	r.Error = trimPackage(err)
	problem := fmt.Errorf("erased here, but not deleted at Veriff: %w", err)
	switch {
	case errors.Is(err, veriff.ErrUncertain):
		return r, &hinted{code: exitFailed, err: fmt.Errorf("erased here; whether Veriff deletes the session is not known: %w", err),
			hint: "look before you ask again: the request may have been accepted, and is counted; a session that Veriff has deleted is not found any more"}
	case errors.Is(err, veriff.ErrRateLimited):
		return r, &hinted{code: exitFailed, err: problem, hint: "Veriff accepts 5 such requests in an hour and 10 in a day: run the same command again later"}
	case errors.Is(err, veriff.ErrNotFound):
		return r, &hinted{code: exitFailed, err: problem, hint: "Veriff has no such session (any more): nothing is left to delete"}
	case errors.Is(err, veriff.ErrNotDeletable):
		return r, &hinted{code: exitFailed, err: problem, hint: "wait until the verification is complete"}
	case errors.Is(err, veriff.ErrRefused):
		return r, &hinted{code: exitRefused, err: problem, hint: "Veriff has the deletion of sessions switched off until you ask its support to switch it on"}
	}
	return r, trouble(problem)
}

// writePurged says what was erased.
func writePurged(w io.Writer, r *receipt) {
	proof := "reading the whole cache in " + r.Cache + " again found none left"
	if !r.Proven {
		proof = "it is not proven that none are left"
	}
	fmt.Fprintf(w, "erased %s objects, %s on disk; %s\n", humanize.Comma(int64(len(r.Erased))), bytesText(r.Bytes), proof)
	if t := r.Team; t != nil && !t.LeftAlone {
		proof := "reading it again found none left"
		if !t.Proven {
			proof = "it is not proven that none are left"
		}
		fmt.Fprintf(w, "erased %s objects, with all their versions (%s), in the team store %s; %s\n",
			humanize.Comma(int64(len(t.Erased))), humanize.Comma(t.Versions), t.Store, proof)
	}
	if r.Open > 0 {
		fmt.Fprintf(w, "%d of them are open: programs that have them open can read them until they close them\n", r.Open)
	}
	if len(r.Held) > 0 {
		fmt.Fprintf(w, "%s left, because held\n", english.Plural(len(r.Held), "session", ""))
	}
	if r.AtVeriff != nil && r.AtVeriff.Accepted {
		fmt.Fprintln(w, "requested at Veriff: it accepted, and says that it deletes the session within 12 hours")
	}
}

// unproven says why an erasure is not proven, and what to do about it.
func unproven(r *library.Erasure) error {
	switch t := r.Team; {
	case r.Proven:
		return nil
	case (t == nil || t.LeftAlone) && len(r.Held) > 0:
		return &hinted{code: exitUnproven,
			err:  errors.New("a hold was placed while it was being erased: what is held was left"),
			hint: "what was erased before is erased; veriffs hold list shows the hold: run purge again once it is released"}
	case t != nil && t.Error != "" && len(r.Held)+len(r.HeldByTeam) > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the erasure in the team store %s was ended: %s", t.Store, t.Error),
			hint: "what was erased before is erased, and in the receipt if you asked for one; veriffs hold list shows the hold: run purge again once it is released"}
	case t != nil && t.Error != "":
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the erasure in the team store %s is not complete: %s", t.Store, t.Error),
			hint: "run purge again when the store answers; an s3:// store must allow s3:ListBucketVersions, s3:GetObjectVersion and s3:DeleteObjectVersion, and object lock forbids any erasure"}
	case t != nil && t.Unreadable > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the team store %s has %s objects that the configured shared secret does not open; they may belong to what was to be erased", t.Store, humanize.Comma(t.Unreadable)),
			hint: "if the secret was changed, set the old one as well (new,old) and run purge again; let each team have a prefix or folder of its own"}
	case r.Unreadable > 0:
		return &hinted{code: exitUnproven,
			err:  fmt.Errorf("the cache has %s objects that the configured shared secret does not open; they may belong to what was to be erased", humanize.Comma(r.Unreadable)),
			hint: "if the secret was changed, set the old one as well (new,old) and run purge again; or erase everything: veriffs purge --all"}
	case r.Replaced:
		return &hinted{code: exitUnproven,
			err:  errors.New("another directory has taken the place of the cache's since it was opened, and was not looked at"),
			hint: "unmount, put the right directory there, and run purge again"}
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
