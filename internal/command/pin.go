package command

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

func pinCommand() *cli.Command {
	return &cli.Command{
		Name:      "pin",
		Usage:     "keep the files of sessions, or single files, from being dropped for room",
		ArgsUsage: "ID…",
		Description: "Of a session, the files that it lists now are pinned, fetched or not: veriffs warm fetches them.\n" +
			"A pin outlasts the mount. Age and erasure end it.",
		Flags:  keeperFlags(),
		Action: func(c *cli.Context) error { return pin(c, "pinned", (*keeper).pin) },
	}
}

func unpinCommand() *cli.Command {
	return &cli.Command{
		Name:      "unpin",
		Usage:     "undo pin",
		ArgsUsage: "ID…",
		Flags:     keeperFlags(),
		Action:    func(c *cli.Context) error { return pin(c, "unpinned", (*keeper).unpin) },
	}
}

func (k *keeper) pin(ctx context.Context, id string) (int, error)   { return k.Pin(ctx, id) }
func (k *keeper) unpin(ctx context.Context, id string) (int, error) { return k.Unpin(ctx, id) }

func pin(c *cli.Context, done string, do func(*keeper, context.Context, string) (int, error)) error {
	ids, err := idArguments(c)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return usageError("an ID is missing: veriffs %s [options] ID…", c.Command.Name)
	}
	k, err := newKeeper(c, false)
	if err != nil {
		return err
	}
	defer k.close()
	for _, id := range ids {
		n, err := do(k, c.Context, id)
		if err != nil {
			return trouble(err)
		}
		fmt.Fprintf(c.App.Writer, "%s %s: %d files\n", done, id, n)
	}
	return nil
}
