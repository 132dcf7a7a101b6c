package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
	"veriffs/internal/config"
)

// helperName is the name by which mount(8) runs the program: /sbin/mount.veriffs is a
// link to it. It is a command as well.
const helperName = "mount." + mountpoint.Type

// asHelper makes the command of a program that was called by the helper's name.
func asHelper(args []string) []string {
	if len(args) > 0 && filepath.Base(args[0]) == helperName {
		return append([]string{args[0], helperName}, args[1:]...)
	}
	return args
}

func isHelper(args []string) bool { return len(args) > 1 && args[1] == helperName }

// Exit codes of mount(8).
const (
	helperUsage       = 1 // or permissions
	helperSystem      = 2 // no process, no memory
	helperInterrupted = 8
	helperFailed      = 32
)

// helperCode is the exit code of mount(8) for an error that has the given one of ours.
func helperCode(ctx context.Context, err error, code int) int {
	switch {
	case ctx.Err() != nil:
		return helperInterrupted
	case errors.Is(err, errNotStarted):
		return helperSystem
	case code == exitUsage:
		return helperUsage
	default:
		return helperFailed
	}
}

func helperCommand() *cli.Command {
	return &cli.Command{
		Name:   helperName,
		Hidden: true, // it is for mount(8), and has a page of its own there: packaging/man
		Usage:  "mount as mount(8) asks for it: SOURCE is the name of a profile",
		Description: "mount(8) runs it for a line of /etc/fstab such as\n\n" +
			"    emea /mnt/veriff veriffs _netdev,nofail,allow_other,uid=ann,umask=027 0 0\n\n" +
			"It starts veriffs mount with the profile emea in the background, and returns once the mount answers.\n" +
			"-o takes the options of veriffs mount, with dashes or underscores, except those of the API key and the\n" +
			"profile. Options that are mount's own are ignored: the mount is read-only, nosuid, nodev and noexec\n" +
			"whatever they say. A value with a comma is written in double quotes. Variables VERIFF… are not heeded.\n" +
			"Exit codes are those of mount(8): 0 mounted, 1 wrong usage or setting, 2 no process could be started,\n" +
			"8 interrupted, 32 mount failed.",
		ArgsUsage: "SOURCE MOUNTPOINT",
		Flags: []cli.Flag{
			&cli.GenericFlag{Name: "o", Value: new(helperOptions), Usage: "`OPTIONS`, with commas between them"},
			&cli.BoolFlag{Name: "s", Usage: "ignore options that are unknown, except with allow_other"},
			&cli.BoolFlag{Name: "f", Usage: "only check the options and the profile"},
			&cli.BoolFlag{Name: "n", Usage: "ignored: no mtab is written"},
			&cli.BoolFlag{Name: "v", Usage: "say what was mounted"},
			&cli.StringFlag{Name: "N", Usage: "refused: `NAMESPACE` has to be entered before (nsenter)"},
			&cli.StringFlag{Name: "t", Usage: "`TYPE`, which must be " + mountpoint.Type},
		},
		Action: helpMount,
	}
}

func helpMount(c *cli.Context) error {
	if c.NArg() != 2 {
		return usageError("%s needs SOURCE and MOUNTPOINT", helperName)
	}
	name, point := sourceName(c.Args().Get(0)), c.Args().Get(1)
	if kind := c.String("t"); kind != "" && kind != mountpoint.Type && kind != "fuse."+mountpoint.Type {
		return usageError("the type must be %s, not %q", mountpoint.Type, kind)
	}
	if c.IsSet("N") {
		// Whoever owns that namespace would choose what runs there with our secrets.
		return &usage{err: errors.New("-N is not supported"), hint: "run mount inside of the namespace: nsenter --mount=FILE mount …"}
	}
	if err := config.CheckName(name); err != nil {
		return fmt.Errorf("%q is not the name of a profile: %w", name, err)
	}
	// What a line of fstab means does not depend on who mounts it, nor from which shell.
	if err := ignoreVariables(); err != nil {
		return err
	}
	options, err := c.Generic("o").(*helperOptions).forMount(c.Bool("s"))
	if err != nil {
		return err
	}
	if c.Bool("f") {
		_, err := config.Find(name)
		return err
	}
	args := []string{"mount", dashed(flagBackground), dashed(flagProfile) + "=" + name, dashed(flagSource) + "=" + name}
	says, err := startInBackground(c.Context, append(append(args, options...), "--", point))
	if err == nil && c.Bool("v") {
		fmt.Fprint(c.App.ErrWriter, says)
	}
	return err
}

// sourceName undoes what mount(8) does to a SOURCE that is also the name of a file in the
// working directory: it makes that an absolute path.
func sourceName(source string) string {
	if here, err := os.Getwd(); err == nil && filepath.Dir(source) == here {
		return filepath.Base(source)
	}
	return source
}

// ignoreVariables removes the settings of the environment.
func ignoreVariables() error {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "VERIFF") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}
