package command

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/internal/warming"
)

// whatNames is the help of all commands that take names.
const whatNames = "NAME is an id, or the path in a mount of a session, an attempt or a file, also under by-context/. A path also\n" +
	"chooses the mount."

func pinCommand() *cli.Command {
	return &cli.Command{
		Name:      "pin",
		Usage:     "protect the files of sessions, or single files, from eviction",
		ArgsUsage: "NAME…",
		Description: whatNames + " For a session, this pins the files that it lists now, whether they are\n" +
			"fetched or not. A pin outlasts the mount. Age (--cache-max-age) removes the file but not its pin: fetched\n" +
			"again, it is pinned again. Erasure ends the pin.",
		Flags: keeperFlags(
			&cli.BoolFlag{Name: "fetch", Usage: "fetch the missing files now"},
		),
		Action: pin,
	}
}

func unpinCommand() *cli.Command {
	return &cli.Command{
		Name:        "unpin",
		Usage:       "undo pin",
		ArgsUsage:   "NAME…",
		Description: whatNames,
		Flags:       keeperFlags(),
		Action:      unpin,
	}
}

func pin(c *cli.Context) error {
	need := asks
	if c.Bool("fetch") {
		need = fetches
	}
	names, k, err := keeperOf(c, need)
	if err != nil {
		return err
	}
	defer k.close()
	if c.Bool("fetch") {
		return pinAndFetch(c, k, names)
	}
	missing := 0
	_, err = eachName(c, names, func(arg, name string) error {
		p, err := k.Pin(c.Context, name)
		if err == nil {
			missing += p.Files - p.Fetched
			fmt.Fprintf(c.App.Writer, "pinned %s: %s\n", arg, pinnedText(p))
		}
		return err
	})
	if missing > 0 {
		fmt.Fprintln(c.App.Writer, "The others are fetched when they are opened; --fetch fetches them now.")
	}
	return err
}

// pinAndFetch pins everything before it fetches anything, so that no fetched file is
// evicted for the next.
func pinAndFetch(c *cli.Context, k *keeper, names []string) error {
	names, failed := eachName(c, names, func(_, name string) error {
		_, err := k.Pin(c.Context, name)
		return err
	})
	if len(names) == 0 || errors.As(failed, new(*hinted)) {
		return failed
	}
	show := newProgress(c.App.ErrWriter)
	done, err := k.Warm(c.Context, warming.Options{Names: names}, show.update)
	show.end()
	warmFailures(c, done)
	if err != nil {
		return warmTrouble(done, err)
	}
	missing := 0
	for _, name := range names {
		p, err := k.Pin(c.Context, name) // again, to count what is fetched now
		if err != nil {
			return trouble(err)
		}
		missing += p.Files - p.Fetched
		fmt.Fprintf(c.App.Writer, "pinned %s: %s\n", name, pinnedText(p))
	}
	if missing > done.Failed {
		fmt.Fprintln(c.App.ErrWriter, "The cache did not keep all of them: it may be too small, or its disk may be full; see veriffs status.")
		failed = &reported{code: exitFailed}
	}
	return errors.Join(failed, warmTrouble(done, nil))
}

func unpin(c *cli.Context) error {
	names, k, err := keeperOf(c, asks)
	if err != nil {
		return err
	}
	defer k.close()
	_, err = eachName(c, names, func(arg, name string) error {
		p, err := k.Unpin(c.Context, name)
		if err == nil {
			fmt.Fprintf(c.App.Writer, "unpinned %s: %d files\n", arg, p.Files)
		}
		return err
	})
	return err
}

// keeperOf returns what the arguments name, and the keeper that they are for.
func keeperOf(c *cli.Context, need need) ([]string, *keeper, error) {
	if err := arguments(c, 1, -1); err != nil {
		return nil, nil, err
	}
	names, err := nameArguments(c)
	if err != nil {
		return nil, nil, err
	}
	k, err := newKeeper(c, need)
	return names, k, err
}

func pinnedText(p library.Pinned) string {
	text := humanize.Comma(int64(p.Files)) + " files"
	if p.Fetched < p.Files {
		text += fmt.Sprintf(", %d of %d fetched so far", p.Fetched, p.Files)
	}
	return text
}
