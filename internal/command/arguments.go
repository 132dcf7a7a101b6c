package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// optionsFirst moves the options of a command line before its arguments, because
// the library takes everything after the first argument for arguments. What
// follows -- are arguments.
func optionsFirst(app *cli.App, args []string) []string {
	commands, at := app.Commands, 0
	var command *cli.Command
	for len(commands) > 0 {
		at++
		if at >= len(args) {
			return args
		}
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[at]) })
		if i < 0 {
			return args
		}
		command = commands[i]
		commands = command.Subcommands
	}
	if command == nil {
		return args
	}
	options := slices.Clone(args[:at+1])
	var others []string
	for rest := args[at+1:]; len(rest) > 0; rest = rest[1:] {
		arg := rest[0]
		switch {
		case arg == "--":
			others = append(others, rest[1:]...)
			rest = rest[:1]
		case len(arg) < 2 || arg[0] != '-':
			others = append(others, arg)
		case !takesNext(command.Flags, arg):
			options = append(options, arg)
		case len(rest) == 1:
			return append(options, arg) // the parser reports the missing value
		default:
			options = append(options, arg, rest[1])
			rest = rest[1:]
		}
	}
	if len(others) == 0 {
		return options
	}
	return append(append(options, "--"), others...)
}

// takesNext reports whether the value of an option is the next argument. Of
// short options written together only the last can have a value.
func takesNext(flags []cli.Flag, arg string) bool {
	name := strings.TrimPrefix(arg[1:], "-")
	if strings.Contains(name, "=") {
		return false
	}
	if f := flagNamed(flags, name); f != nil {
		return takesValue(f)
	}
	if strings.HasPrefix(arg, "--") || len(name) < 2 {
		return false
	}
	f := flagNamed(flags, name[len(name)-1:])
	return f != nil && takesValue(f)
}

func takesValue(f cli.Flag) bool {
	doc, ok := f.(cli.DocGenerationFlag)
	return ok && doc.TakesValue()
}

func flagNamed(flags []cli.Flag, name string) cli.Flag {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil
	}
	return flags[i]
}

// arguments checks the number of a command's arguments. A negative most means no
// limit.
func arguments(c *cli.Context, least, most int) error {
	what, n := c.Command.ArgsUsage, c.NArg()
	switch {
	case n < least:
		return usageError("%s is missing: %s [options] %s", strings.Trim(what, "[]"), c.Command.HelpName, what)
	case most == 0 && n > 0:
		return usageError("%s takes no arguments", c.Command.HelpName)
	case most > 0 && n > most:
		return usageError("only one %s is allowed", strings.Trim(what, "[]"))
	}
	return nil
}

// notDefined is how package flag begins its error for an unknown option.
const notDefined = "flag provided but not defined: -"

func onUsageError(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), notDefined)
	if !unknown {
		return &usage{err: err}
	}
	name = strings.TrimLeft(name, "-")
	var known []string
	for _, f := range c.Command.Flags {
		known = append(known, f.Names()...)
	}
	u := &usage{err: fmt.Errorf("unknown option %s", dashed(name))}
	if like := similar(name, known); like != "" {
		u.hint = "did you mean " + dashed(like) + "?"
	}
	return u
}

func dashed(option string) string {
	if len(option) == 1 {
		return "-" + option
	}
	return "--" + option
}

// unknownCommand is the error for an unknown subcommand of parent.
func unknownCommand(parent *cli.Command, name, problem string, values ...any) error {
	var known []string
	for _, c := range parent.Subcommands {
		known = append(known, c.Names()...)
	}
	u := &usage{err: fmt.Errorf(problem, values...)}
	if like := similar(name, known); like != "" {
		u.hint = "did you mean " + strings.TrimSpace(parent.HelpName+" "+like) + "?"
	}
	return u
}

// alike is the least similarity, of 1, at which a word counts as a typo of
// another.
const alike = 0.8

// similar returns the one of words that word is probably a typo of, or "".
func similar(word string, words []string) (best string) {
	most := alike
	for _, w := range words {
		// The parameters are those recommended by its authors.
		if like := smetrics.JaroWinkler(word, w, 0.7, 4); like > most {
			best, most = w, like
		}
	}
	return best
}
