package command

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
)

func evictCommand() *cli.Command {
	return &cli.Command{
		Name:      "evict",
		Usage:     "make room: drop files of sessions, or single files, from the cache",
		ArgsUsage: "NAME…",
		Description: whatNames + " What is pinned stays. What is dropped is fetched again when it is opened.\n" +
			"To have data erased, with a proof, use veriffs purge.",
		Flags: keeperFlags(
			&cli.BoolFlag{Name: "all", Usage: "drop every file"},
		),
		Action: evict,
	}
}

func evict(c *cli.Context) error {
	names, err := nameArguments(c)
	if err != nil {
		return err
	}
	if c.Bool("all") == (len(names) > 0) {
		return usageError("either names or --all say what to drop")
	}
	k, err := newKeeper(c, tidies)
	if err != nil {
		return err
	}
	defer k.close()
	evicted, err := k.Evict(c.Context, names)
	if err != nil {
		return trouble(err)
	}
	count := func(n int) string { return humanize.Comma(int64(n)) }
	switch {
	case evicted.Files > 0:
		fmt.Fprintf(c.App.Writer, "dropped %s files, %s\n", count(evicted.Files), bytesText(evicted.Bytes))
	case evicted.Pinned == 0:
		fmt.Fprintln(c.App.Writer, "dropped 0 files: none of them is in the cache")
	default:
		fmt.Fprintln(c.App.Writer, "dropped 0 files")
	}
	if evicted.Pinned > 0 {
		what := "NAME"
		if len(names) > 0 {
			what = strings.Join(c.Args().Slice(), " ")
		}
		fmt.Fprintf(c.App.Writer, "%s files are pinned and stay; to let them go: veriffs unpin %s\n", count(evicted.Pinned), what)
	}
	return nil
}
