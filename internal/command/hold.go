package command

import (
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// flagStoreGone has a hold released whatever becomes of it in the team's store.
const flagStoreGone = "team-store-gone"

func holdCommand() *cli.Command {
	return &cli.Command{
		Name:  "hold",
		Usage: "keep sessions whatever becomes of them at Veriff: add, list or release holds",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "hold a session: record that, fetch it whole, and let nothing of it go", ArgsUsage: "SESSION",
				Description: "What is held is not evicted, not too old, and not erased: not when Veriff has deleted it, and not by\n" +
					"purge. It stays in the mount and can be read without a network. The hold is recorded first: what can't be\n" +
					"fetched now is fetched later, and the exit code says that something is missing. A session that is held\n" +
					"already is fetched once more, and gets the new reason and end. With a team store the hold is put there,\n" +
					"too, sealed: then no member removes or purges the session there. Exit code 12 says that the store did not\n" +
					"take it; the hold stands, and a mount puts it there later.",
				Flags: keeperFlags(
					&cli.StringFlag{Name: "reason", Usage: "`TEXT` that says why, for everybody who finds the hold"},
					&cli.StringFlag{Name: "until", Usage: "release it by itself after `DATE`, such as 2031-12-31 (the day included); otherwise it stands until it is released"},
				),
				Action: holdAdd,
			},
			{
				Name: "list", Usage: "list the holds, and what Veriff no longer has of them",
				Description: "With a team store, those of the other members, too. Exit code 9 says that there are others: those whose\n" +
					"records can't be read, and those that were sealed with a secret that is not set now; 12 that the store\n" +
					"does not say.",
				Flags:  keeperFlags(jsonFlag("print JSON, for programs: {\"holds\": [...]}")),
				Action: holdList,
			},
			{
				Name: "release", Usage: "end a hold: what Veriff no longer has is erased then", ArgsUsage: "SESSION",
				Description: "With a team store this member's hold is removed there first; if that fails, or the store is not named, it stands\n" +
					"(exit code 12). Holds of other members stay. A hold whose record this cache has lost is removed from the store.",
				Flags: keeperFlags(
					&cli.StringFlag{Name: "reason", Usage: "`TEXT` that says why"},
					&cli.BoolFlag{Name: flagStoreGone, Usage: "release it though it can't be removed from the team store, which is gone for good"},
					&cli.BoolFlag{Name: "unreadable", Usage: "give up the holds whose records can't be read, in place of a SESSION"},
				),
				Action: holdRelease,
			},
		},
	}
}

func holdAdd(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id, reason, err := holdArguments(c)
	if err != nil {
		return err
	}
	until, err := untilFlag(c.String("until"), time.Now())
	if err != nil {
		return err
	}
	return withKeeper(c, records, func(k *keeper) error {
		held, err := k.Hold(c.Context, library.HoldOptions{Session: id, Reason: reason, By: thisUser(), Until: until})
		switch {
		case errors.Is(err, library.ErrEphemeral):
			return &usage{err: err, hint: "hold it in a cache with --cache-key secret, which outlasts the mount"}
		case outOfSpace(err):
			return &hinted{err: err, code: exitFailed, hint: "the hold may not last: free some space on the disk of the cache directory, then run hold add again"}
		case err != nil:
			return err
		}
		fmt.Fprintf(c.App.Writer, "held %s%s: %s\n", id, untilText(held.Hold), heldFilesText(held))
		if held.Team != nil && held.Team.Written {
			fmt.Fprintln(c.App.Writer, "the hold is in the team store: no member removes the session there")
		}
		return errors.Join(incomplete(c, held), unannounced(c, held))
	})
}

// holdArguments reads which session is meant, and why.
func holdArguments(c *cli.Context) (id veriff.SessionID, reason string, err error) {
	ids, err := sessionIDs(c)
	if err != nil {
		return id, "", err
	}
	id = ids[0]
	reason, err = reasonFlag(c)
	return id, reason, err
}

// reasonFlag reads why something is done.
func reasonFlag(c *cli.Context) (string, error) {
	reason := strings.TrimSpace(c.String("reason"))
	switch {
	case reason == "":
		return "", usageError("--reason is missing: say why, for those who find it later")
	case len(reason) > 1000:
		return "", usageError("--reason is longer than 1000 bytes")
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return deceives(r) && !unicode.Is(unicode.Zs, r) }):
		return "", usageError("--reason has control characters, such as a line break: give one line of text")
	}
	return reason, nil
}

// untilFlag reads a day, which is included, or a moment. It must be to come.
func untilFlag(text string, now time.Time) (until time.Time, err error) {
	if text == "" {
		return until, nil
	}
	if until, err = time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		until = until.AddDate(0, 0, 1)
	} else if until, err = time.Parse(time.RFC3339, text); err != nil {
		return until, usageError("--until must be a day such as 2031-12-31, not %q", text)
	}
	if !until.After(now) {
		return until, usageError("--until: %s is over", text)
	}
	return until, nil
}

// thisUser is who runs the command, for the record.
func thisUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s (uid %s)", u.Username, u.Uid)
}

func untilText(h library.Hold) string {
	if h.Until.IsZero() {
		return " until it is released"
	}
	text := " until " + h.Until.Local().Format("2006-01-02 15:04")
	if !h.Until.After(time.Now()) {
		text += " (over: a mount ends it)"
	}
	return text
}

func heldFilesText(h library.Held) string {
	return fmt.Sprintf("%d of %s of %s in the cache, %s", h.Cached, english.Plural(h.Files, "file", ""), english.Plural(h.Attempts, "attempt", ""), bytesText(h.Bytes))
}

// incomplete says what a hold lacks, and what to do about it.
func incomplete(c *cli.Context, h library.Held) error {
	for _, f := range h.Failures {
		fmt.Fprintf(c.App.ErrWriter, "missing: %s: %s\n", strings.TrimSuffix(f.Session+"/"+f.File, "/"), trimPackage(errors.New(f.Error)))
	}
	if !h.Complete.IsZero() {
		return nil
	}
	if len(h.Failures) == 0 && h.NoRoom == 0 && h.Foreign > 0 { // something is said to be nowhere
		return foreignError(h.Foreign)
	}
	return incompleteError(h)
}

// unannounced says that the team can't know of a hold yet, and what to do about it.
func unannounced(c *cli.Context, h library.Held) error {
	if h.Team == nil || h.Team.Written {
		return nil
	}
	const here = "the hold stands here, but is not in the team store yet, so other members may remove the session there"
	if h.Complete.IsZero() { // which is the error
		fmt.Fprintf(c.App.ErrWriter, "%s: %s\n", here, trimPackage(errors.New(h.Team.Error)))
		return nil
	}
	return &hinted{code: exitTeam, err: fmt.Errorf("%s: %s", here, trimPackage(errors.New(h.Team.Error))),
		hint: "a mount puts it there as soon as the store answers; or run hold add again"}
}

// foreignError says that what a hold lacks may be here all the same.
func foreignError(objects int64) error {
	return &hinted{code: exitIncomplete,
		err:  fmt.Errorf("it is held, but Veriff does not have all of it, and %s objects here can't be read: a secret that is not configured sealed them", humanize.Comma(objects)),
		hint: "set that secret as well (new,old), then run hold add again",
	}
}

func incompleteError(h library.Held) error {
	switch {
	case h.NoRoom > 0 && h.Used+h.Needed < h.Limit:
		return &hinted{code: exitIncomplete,
			err:  fmt.Errorf("it is held, but the disk of the cache directory has no room for %d of its files, %s", h.NoRoom, bytesText(h.Needed)),
			hint: "free some space there, of which --min-free is left alone; then run hold add again"}
	case h.NoRoom > 0:
		return &hinted{code: exitIncomplete,
			err:  fmt.Errorf("it is held, but the cache has no room for %d of its files: it takes %s of %s", h.NoRoom, bytesText(h.Used), bytesText(h.Limit)),
			hint: "mount with a larger --cache-size, or release other holds and pins; then run hold add again"}
	case len(h.Failures) > 0:
		return &hinted{code: exitIncomplete, err: errors.New("it is held, but not all of it could be fetched"),
			hint: "a mount goes on trying every hour; or run hold add again"}
	case h.Lost > 0:
		return &hinted{code: exitIncomplete, err: fmt.Errorf("it is held, but %d of its files are neither here nor at Veriff any more", h.Lost),
			hint: "look for them in exports and backups; the hold keeps the rest"}
	}
	return &hinted{code: exitIncomplete, err: errors.New("it is held, but there is nothing of it, neither here nor at Veriff"), hint: "check the id and the account"}
}

func holdRelease(c *cli.Context) error {
	if c.Bool("unreadable") {
		return releaseUnreadable(c)
	}
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id, reason, err := holdArguments(c)
	if err != nil {
		return err
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		h, err := k.Release(c.Context, library.ReleaseOptions{Session: id, Reason: reason, StoreGone: c.Bool(flagStoreGone)})
		if errors.Is(err, library.ErrNoHold) {
			return &hinted{err: err, code: exitFailed, hint: "veriffs hold list shows the holds of this account's cache"}
		}
		if errors.Is(err, library.ErrElsewhere) {
			return &hinted{err: err, code: exitTeam,
				hint: "name the store with --" + flagTeamStore + "; a mount that is running must have been started with it; if that store is gone for good, add --" + flagStoreGone}
		}
		if errors.Is(err, library.ErrTeamHolds) {
			return &hinted{err: err, code: exitTeam, hint: "run it again when the store answers; if that store is gone for good, add --" + flagStoreGone}
		}
		if err != nil {
			return err
		}
		after := "it stays in the cache as everything else does"
		switch {
		case h.Gone != nil && k.mount == nil:
			after = "what Veriff no longer has is erased by the next mount"
		case h.Gone != nil:
			after = "what Veriff no longer has is erased in the background"
		}
		fmt.Fprintf(c.App.Writer, "released %s: %s\n", id, after)
		if c.Bool(flagStoreGone) {
			fmt.Fprintln(c.App.Writer, "if the team store comes back with this hold in it, the same command removes it there")
		}
		return nil
	})
}

func releaseUnreadable(c *cli.Context) error {
	if c.NArg() > 0 {
		return usageError("give either a SESSION or --unreadable")
	}
	reason, err := reasonFlag(c)
	if err != nil {
		return err
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		_, err := k.Holds(c.Context)
		var others *library.HeldError
		if err == nil || errors.As(err, &others) && others.Unreadable == nil {
			fmt.Fprintln(c.App.Writer, "the record of every hold can be read: none was given up")
			return nil
		}
		if err := k.ReleaseUnreadable(c.Context, reason); err != nil {
			return err
		}
		fmt.Fprintln(c.App.Writer, "gave up the holds whose records can't be read: what they held is as everything else now")
		return nil
	})
}
