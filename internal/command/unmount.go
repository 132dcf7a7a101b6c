package command

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
)

func unmountCommand() *cli.Command {
	return &cli.Command{
		Name:      "unmount",
		Aliases:   []string{"umount"},
		Usage:     "end the mount on MOUNTPOINT",
		ArgsUsage: "MOUNTPOINT",
		Description: "A mount that is in use leaves the tree at once, and who uses it is said; what is open can be read for some\n" +
			"seconds more. A mount whose process was killed is removed.",
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, 1); err != nil {
				return err
			}
			point, err := filepath.Abs(c.Args().First())
			if err != nil {
				return err
			}
			// The working directory of this process must not keep the mount in use.
			if err := os.Chdir("/"); err != nil {
				return err
			}
			busy, err := mountpoint.Unmount(point)
			if busy != nil {
				fmt.Fprintln(c.App.ErrWriter, "veriffs:", busy)
			}
			return err
		},
	}
}
