package command

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
)

func evictCommand() *cli.Command {
	return &cli.Command{
		Name:      "evict",
		Usage:     "make room: drop files of sessions, or single files, from the cache",
		ArgsUsage: "ID…",
		Description: "What is pinned stays. What is dropped is fetched again when it is opened.\n" +
			"To have data erased, with a proof, use veriffs purge.",
		Flags: keeperFlags(
			&cli.BoolFlag{Name: "all", Usage: "drop every file"},
		),
		Action: evict,
	}
}

func evict(c *cli.Context) error {
	ids, err := idArguments(c)
	if err != nil {
		return err
	}
	if c.Bool("all") == (len(ids) > 0) {
		return usageError("either ids or --all say what to drop")
	}
	k, err := newKeeper(c, false)
	if err != nil {
		return err
	}
	defer k.close()
	evicted, err := k.Evict(c.Context, ids)
	if err != nil {
		return trouble(err)
	}
	_, err = fmt.Fprintf(c.App.Writer, "dropped %s files, %s\n", humanize.Comma(int64(evicted.Files)), bytesText(evicted.Bytes))
	return err
}
