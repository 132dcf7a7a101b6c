package command

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/bucket"
	"veriffs/internal/library"
	"veriffs/internal/team"
	"veriffs/veriff"
)

const flagTeamMaxAge = "team-store-max-age"

// shortestTeamAge is the least that --team-store-max-age takes. What is shorter is a mistake,
// such as 13m by who means months, and empties the store. Scripts can't wait for a day.
var shortestTeamAge = 24 * time.Hour

func teamCommand() *cli.Command {
	return &cli.Command{
		Name:  "team",
		Usage: "look after the team store: what is in it, and remove what is too old",
		Subcommands: []*cli.Command{
			{
				Name: "status", Usage: "say how much is in the team store, and how old it is",
				Description: "With --sessions also what there is of these sessions. That reads the beginning of every file in the store,\n" +
					"because only what is sealed in it says whose it is.",
				Flags: keeperFlags(
					&cli.StringSliceFlag{Name: flagSessions, TakesFile: true,
						Usage: "also tell of the sessions listed in `FILE`; may be repeated, - is standard input"},
					jsonFlag("print JSON, for programs"),
				),
				Action: teamStatus,
			},
			{
				Name: "gc", Usage: "remove from the team store what is too old",
				Description: "Without --yes it only says what would go. A file is as old as its fetch from Veriff. What any member holds\n" +
					"stays; while holds can't be read nothing is removed (exit code 9 or 12), nor while this machine's clock and the\n" +
					"store's differ by more than ten minutes (12). Leases that nobody needs any more go, too, without an age as\n" +
					"well.",
				Flags: keeperFlags(
					&cli.StringFlag{Name: flagTeamMaxAge, Category: groupTeam, EnvVars: variables(flagTeamMaxAge), Value: "0",
						Usage: "remove files fetched more than `TIME` ago, such as 400d, at least 1d; 0 is none"},
					&cli.BoolFlag{Name: "dry-run", Usage: "only say what would go; this is the default"},
					&cli.BoolFlag{Name: "yes", Usage: "remove it"},
					jsonFlag("print JSON, for programs"),
				),
				Action: teamGC,
			},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				name := c.Args().First()
				return unknownCommand(c.Command, name, "unknown command %q: of the team store the status can be shown, and what is too old removed (gc)", name)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func teamStatus(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	var ids []veriff.SessionID
	if names := c.StringSlice(flagSessions); len(names) > 0 {
		var err error
		if ids, err = sessionsIn(c, names); err != nil {
			return err
		}
	}
	return withKeeper(c, asks, func(k *keeper) error {
		found, err := k.TeamSurvey(c.Context, ids)
		if err != nil {
			return k.teamTrouble(err)
		}
		if c.Bool("json") {
			return printJSON(c, found)
		}
		return writeTeamSurvey(c.App.Writer, found)
	})
}

// writeTeamSurvey shows what there is in the team's store to a person.
func writeTeamSurvey(w io.Writer, s library.TeamSurvey) error {
	fmt.Fprintf(w, "%s: %s files, %s", s.Store, humanize.Comma(s.Objects), bytesText(s.Bytes))
	if s.Objects > 0 {
		fmt.Fprintf(w, "; the oldest was added %s, the newest %s", humanize.Time(s.Oldest), humanize.Time(s.Newest))
	}
	fmt.Fprintln(w)
	if s.Versions > 0 {
		fmt.Fprintf(w, "the store also keeps %s versions of files that were replaced or removed, %s\n", humanize.Comma(s.Versions), bytesText(s.VersionBytes))
	}
	if s.Leases > 0 {
		fmt.Fprintf(w, "leases: %s; veriffs team gc --yes removes those that have expired\n", humanize.Comma(s.Leases))
	}
	if s.Holds > 0 {
		fmt.Fprintf(w, "holds: %s; veriffs hold list shows them\n", humanize.Comma(s.Holds))
	}
	if s.UnreadableHolds > 0 {
		fmt.Fprintf(w, "in the place of holds no configured secret opens %s; until that is mended nothing is removed or purged (veriffs hold list says what it is)\n", english.Plural(int(s.UnreadableHolds), "object", ""))
	}
	if s.Stray > 0 {
		fmt.Fprintf(w, "stray files among the holds: %s; they hold nothing and forbid nothing\n", humanize.Comma(s.Stray))
	}
	if len(s.Sessions) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SESSION\tFILES\tIN THE STORE\tFETCHED")
	for _, of := range s.Sessions {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", of.Session, humanize.Comma(of.Files), bytesText(of.Bytes), spanText(of.First, of.Last))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "of other sessions: %s files\n", humanize.Comma(s.Others))
	writeForeign(w, s.Unreadable)
	return nil
}

// writeForeign says how many objects of the team's store can't be read.
func writeForeign(w io.Writer, n int64) {
	if n > 0 {
		fmt.Fprintf(w, "%s objects can't be read: they were altered, or sealed with a secret that is not configured\n", humanize.Comma(n))
	}
}

func teamGC(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if c.Bool("yes") && c.Bool("dry-run") {
		return usageError("give either --dry-run or --yes")
	}
	if _, err := teamAge(c); err != nil {
		return err
	}
	return withKeeper(c, asks, func(k *keeper) error {
		maxAge, err := teamAge(c) // which the profile may have set
		if err != nil {
			return err
		}
		done, err := k.TeamCollect(c.Context, maxAge, !c.Bool("yes"))
		if done.Store != "" { // it has begun
			if c.Bool("json") {
				err = errors.Join(printJSON(c, done), err)
			} else {
				writeCollected(c.App.Writer, done, maxAge)
			}
		}
		return k.teamTrouble(err)
	})
}

// teamAge reads how old a file in the team's store may become.
func teamAge(c *cli.Context) (time.Duration, error) {
	age, err := ageFlag(c, flagTeamMaxAge)
	if err == nil && age > 0 && age < shortestTeamAge {
		return 0, usageError("--%s %s would remove nearly all that the team shares: it takes 1d or more, such as 400d, and m is for minutes", flagTeamMaxAge, c.String(flagTeamMaxAge))
	}
	return age, err
}

// writeCollected shows to a person what was removed from the team's store.
func writeCollected(w io.Writer, done team.Collected, maxAge time.Duration) {
	what := "removed"
	if done.DryRun {
		what = "would remove"
	}
	fmt.Fprintf(w, "%s %s files, %s, and %s leases from %s\n", what, humanize.Comma(done.Objects), bytesText(done.Bytes), humanize.Comma(done.Leases), done.Store)
	if done.Held > 0 {
		fmt.Fprintf(w, "%s files are too old, and stay because their sessions are held\n", humanize.Comma(done.Held))
	}
	if done.Holds > 0 {
		fmt.Fprintf(w, "%s %s whose time has run out, of members that did not remove them\n", what, english.Plural(int(done.Holds), "hold", ""))
	}
	writeForeign(w, done.Unreadable)
	if maxAge == 0 {
		fmt.Fprintf(w, "no file is too old: --%s is not set\n", flagTeamMaxAge)
	}
	if done.DryRun && done.Objects+done.Leases > 0 {
		fmt.Fprintln(w, "nothing was removed yet: add --yes to do it")
	}
}

// teamTrouble says what to do about a command that the team's store failed.
func (k *keeper) teamTrouble(err error) error {
	switch {
	case err == nil || hasHint(err) || errors.Is(err, library.ErrHeld) || errors.Is(err, library.ErrTeamHolds):
		return err
	case errors.Is(err, bucket.ErrNoBucket), errors.Is(err, bucket.ErrConfig):
		return teamError(err, k.settings.team)
	case errors.Is(err, library.ErrNoTeam):
		return &hinted{err: err, code: exitUsage, hint: "name it with --" + flagTeamStore + "; a mount that is running must have been started with it"}
	case errors.Is(err, library.ErrClock):
		return &hinted{err: err, code: exitTeam, hint: "set the clock that is wrong, then run the same command again; veriffs doctor compares this machine's with Veriff's"}
	case errors.Is(err, bucket.ErrDenied):
		return &hinted{err: err, code: exitTeam, hint: "check what the credentials allow: docs/team.md lists the rights; an object lock forbids every removal"}
	}
	return &hinted{err: err, code: exitTeam, hint: "check that the store answers, then run the same command again: what was removed stays removed"}
}
