package command

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
)

func evictCommand() *cli.Command {
	return &cli.Command{
		Name:      "evict",
		Usage:     "evict the files of sessions, or single files, from the cache",
		ArgsUsage: "NAME…",
		Description: whatNames + " Pinned and held files stay. Evicted files are fetched again when they are\n" +
			"opened. To erase data with a proof, use veriffs purge.",
		Flags: keeperFlags(
			&cli.BoolFlag{Name: "all", Usage: "evict every file"},
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
		return usageError("give either names or --all")
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		evicted, err := k.Evict(c.Context, names)
		if err == nil {
			writeEvicted(c, names, evicted)
		}
		return err
	})
}

func writeEvicted(c *cli.Context, names []string, evicted library.Evicted) {
	count := func(n int) string { return humanize.Comma(int64(n)) }
	switch {
	case evicted.Files > 0:
		fmt.Fprintf(c.App.Writer, "evicted %s files, %s\n", count(evicted.Files), bytesText(evicted.Bytes))
	case evicted.Pinned+evicted.Held == 0:
		fmt.Fprintln(c.App.Writer, "evicted 0 files: none of them is in the cache")
	default:
		fmt.Fprintln(c.App.Writer, "evicted 0 files")
	}
	if evicted.Held > 0 {
		fmt.Fprintf(c.App.Writer, "%s files are held and stay; see veriffs hold list\n", count(evicted.Held))
	}
	if evicted.Pinned > 0 {
		what := "NAME"
		if len(names) > 0 {
			what = strings.Join(c.Args().Slice(), " ")
		}
		fmt.Fprintf(c.App.Writer, "%s files are pinned and stay; to unpin them: veriffs unpin %s\n", count(evicted.Pinned), what)
	}
}
