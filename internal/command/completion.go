package command

import (
	"embed"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// scripts are the completion scripts. They only hand the words of a command line to
// the hidden command below, which knows the definitions of all commands, and show the
// shell what it answers: the library's own completion knows no values of options.
//
//go:embed shells
var scripts embed.FS

// completionShells have a script each.
var completionShells = []string{"bash", "zsh", "fish"}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell: bash, zsh or fish",
		ArgsUsage: "SHELL",
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, 1); err != nil {
				return err
			}
			shell := c.Args().First()
			if !slices.Contains(completionShells, shell) {
				return usageError("SHELL must be bash, zsh or fish, not %q", shell)
			}
			script, err := scripts.ReadFile("shells/veriffs." + shell)
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write(script)
			return err
		},
	}
}

// completeCommand answers the completion scripts. Its arguments are the words of a
// command line after the program's name; the last one is being typed. The first line
// of the answer says what else the shell may offer: "files", "directories" or
// "nothing". Each other line is a word to offer, a tab, and what it means.
//
// It reports no failure, since whoever presses Tab asked for no message.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name:            "__complete",
		Hidden:          true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) > 0 && words[0] == "--" {
				words = words[1:]
			}
			_, _ = io.WriteString(c.App.Writer, complete(c.Context, c.App, words).String())
			return nil
		},
	}
}

// String is the answer in the form that the scripts read.
func (o offer) String() string {
	var b strings.Builder
	b.WriteString(o.also + "\n")
	for _, w := range o.words {
		b.WriteString(w.text + "\t" + w.about + "\n")
	}
	return b.String()
}

func visible(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden || c.Name == "help" })
}
