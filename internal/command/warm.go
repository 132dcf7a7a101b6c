package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/internal/sessionlist"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

func warmCommand() *cli.Command {
	return &cli.Command{
		Name:      "warm",
		Usage:     "fetch the files of sessions into the cache before they are used",
		ArgsUsage: "[ID…]",
		Description: "Without sessions, warms those that the running mount shows. Files already in the cache are not fetched\n" +
			"again, so an interrupted run continues where it stopped. Also works without a mount.",
		Flags: keeperFlags(
			// Not from the environment, which is meant for mounts: a user who names
			// an id wants only that session.
			&cli.StringSliceFlag{Name: flagSessions, TakesFile: true,
				Usage: "warm the sessions listed in `FILE`; may be repeated, - is standard input"},
			contextsFlag(), noVideoFlag(), noNFCFlag(),
			&cli.BoolFlag{Name: "team", Usage: "put the files into the team store, too, also those that were in the cache already"},
		),
		Action: warm,
	}
}

func warm(c *cli.Context) error {
	wanted, err := wantedFiles(c, flagContexts)
	if err != nil {
		return err
	}
	options := warming.Options{Selection: wanted, Team: c.Bool("team")}
	if options.Sessions, err = warmSessions(c); err != nil {
		return err
	}
	k, err := newKeeper(c, fetches)
	if err != nil {
		return err
	}
	defer k.close()
	if len(options.Sessions) == 0 && k.mount == nil {
		if options.Sessions, err = sessionsIn(c, mountSessions()); err != nil {
			return err
		}
	}
	show := newProgress(c.App.ErrWriter)
	began := time.Now()
	done, err := k.Warm(c.Context, options, show.update)
	show.end()
	if errors.Is(err, library.ErrNoTeam) || errors.Is(err, warming.ErrTeamDown) {
		err = k.teamTrouble(err)
	}
	return warmSummary(c, done, time.Since(began), err)
}

// sessionIDs returns the sessions that the arguments name.
func sessionIDs(c *cli.Context) (ids []veriff.SessionID, err error) {
	texts, err := idArguments(c)
	for _, text := range texts {
		id, err := veriff.ParseSessionID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, err
}

// warmSessions returns the sessions that the arguments and files name.
func warmSessions(c *cli.Context) (ids []veriff.SessionID, err error) {
	if ids, err = sessionIDs(c); err != nil {
		return nil, err
	}
	if names := c.StringSlice(flagSessions); len(names) > 0 {
		read, err := sessionsIn(c, names)
		if err != nil {
			return nil, err
		}
		ids = append(ids, read...)
	}
	return sorted(ids), nil
}

// mountSessions are the sessions files of a mount with the same environment.
func mountSessions() []string {
	for _, variable := range variables(flagSessions) {
		if names := os.Getenv(variable); names != "" {
			return strings.Split(names, ",")
		}
	}
	return []string{defaultSessions()}
}

// sessionsIn reads sessions files, and fails if one has no sessions.
func sessionsIn(c *cli.Context, names []string) (ids []veriff.SessionID, err error) {
	for _, name := range names {
		bad := func(line int, reason string) {
			fmt.Fprintf(c.App.ErrWriter, "veriffs: %s:%d: %s, skipped\n", name, line, reason)
		}
		var read []veriff.SessionID
		if name == sessionlist.Stdin {
			read, err = sessionlist.Read(c.App.Reader, bad)
		} else {
			read, err = sessionlist.ReadFile(name, bad)
		}
		if err == nil && len(read) == 0 {
			err = errors.New(name + " has no sessions")
		}
		if err != nil {
			return nil, usageError("no sessions to fetch: %w", err)
		}
		ids = append(ids, read...)
	}
	return sorted(ids), nil
}

// warmFailures prints what could not be fetched.
func warmFailures(c *cli.Context, done warming.Progress) {
	for _, f := range done.Failures {
		name := f.Session
		if f.File != "" {
			name += "/" + f.File
		}
		fmt.Fprintf(c.App.ErrWriter, "failed: %s: %s\n", name, trimPackage(errors.New(f.Error)))
	}
	if more := done.Failed + done.TeamFailed - len(done.Failures); more > 0 {
		fmt.Fprintf(c.App.ErrWriter, "failed: %s more\n", humanize.Comma(int64(more)))
	}
}

// warmSummary prints the result of a warm.
func warmSummary(c *cli.Context, done warming.Progress, took time.Duration, err error) error {
	warmFailures(c, done)
	speed := ""
	if done.Fetched > 0 {
		speed = fmt.Sprintf(" (%s in %s, %s/s)", bytesText(done.FetchedBytes), took.Round(10*time.Millisecond), bytesText(perSecond(done.FetchedBytes, took)))
	}
	if done.Sessions == 0 {
		return warmTrouble(done, err) // it failed before it began
	}
	fmt.Fprintf(c.App.Writer, "%s files of %s sessions: %s fetched%s, %s already cached, %s failed\n",
		humanize.Comma(int64(done.Files)), humanize.Comma(int64(done.Done)), humanize.Comma(int64(done.Fetched)), speed,
		humanize.Comma(int64(done.Cached)), humanize.Comma(int64(done.Failed)))
	if inTeam := done.InTeam + done.ToTeam + done.TeamFailed; inTeam > 0 {
		fmt.Fprintf(c.App.Writer, "the team store: %s added, %s already there, %s failed\n",
			humanize.Comma(int64(done.ToTeam)), humanize.Comma(int64(done.InTeam)), humanize.Comma(int64(done.TeamFailed)))
	}
	if done.Room > 0 && done.Bytes > done.Room {
		fmt.Fprintf(c.App.ErrWriter, "the files take %s, the cache holds %s: the first files fetched were evicted for the last\n", bytesText(done.Bytes), bytesText(done.Room))
	}
	return warmTrouble(done, err)
}

func warmTrouble(done warming.Progress, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &hinted{err: errors.New("interrupted"), code: exitFailed, hint: "fetched files stay: run the same command again to continue"}
	case err != nil:
		return trouble(err)
	case done.Failed+done.TeamFailed > 0:
		return &reported{code: exitFailed}
	}
	return nil
}

func perSecond(bytes int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(bytes) / took.Seconds())
}
