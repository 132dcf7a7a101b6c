package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionCommand prints a completion script, made from the definitions of the
// commands.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell: bash, zsh or fish",
		ArgsUsage: "SHELL",
		Action: func(c *cli.Context) error {
			if err := arguments(c, 1, 1); err != nil {
				return err
			}
			var script string
			switch shell := c.Args().First(); shell {
			case "bash":
				script = bashCompletion(c.App)
			case "zsh":
				script = zshCompletion(c.App)
			case "fish":
				c.App.HideVersion = true // by now it is one of the program's own options
				var err error
				if script, err = c.App.ToFishCompletion(); err != nil {
					return fmt.Errorf("make the completion: %w", err)
				}
				script = strings.ReplaceAll(script, "`", "") // they mark a flag's value in its usage
			default:
				return usageError("SHELL must be bash, zsh or fish, not %q", shell)
			}
			_, err := io.WriteString(c.App.Writer, script)
			return err
		},
	}
}

// bashCompletion completes commands, subcommands and flags, and file names
// everywhere else. It runs no program.
func bashCompletion(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion of veriffs, made by: veriffs completion bash
_veriffs() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=
	COMPREPLY=()
	if [[ $COMP_CWORD -eq 1 ]]; then
		words=%q
	elif [[ $COMP_CWORD -eq 2 && $cur != -* ]]; then
		case ${COMP_WORDS[1]} in
`, strings.Join(names(app.VisibleCommands()), " "))
	for _, c := range app.VisibleCommands() {
		if subs := visible(c.Subcommands); len(subs) > 0 {
			fmt.Fprintf(&b, "\t\t%s) words=%q ;;\n", c.Name, strings.Join(names(subs), " "))
		}
	}
	b.WriteString(`		completion) words="bash zsh fish" ;;
		esac
	elif [[ $cur == -* ]]; then
		case ${COMP_WORDS[1]} in
`)
	for _, c := range app.VisibleCommands() {
		all := flagNames(c.Flags)
		for _, sub := range visible(c.Subcommands) {
			all = append(all, flagNames(sub.Flags)...)
		}
		slices.Sort(all)
		fmt.Fprintf(&b, "\t\t%s) words=%q ;;\n", c.Name, strings.Join(slices.Compact(all), " "))
	}
	b.WriteString(`		esac
	fi
	# shellcheck disable=SC2207 # bash 3 has no mapfile, and no word has a space in it
	[[ -z $words ]] || COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _veriffs veriffs
`)
	return b.String()
}

// zshCompletion also shows what commands and flags are for.
func zshCompletion(app *cli.App) string {
	var b strings.Builder
	b.WriteString(`#compdef veriffs
# zsh completion of veriffs, made by: veriffs completion zsh
_veriffs() {
	local -a commands
	case $CURRENT in
	2) commands=(
`)
	describe := func(commands []*cli.Command) {
		for _, c := range commands {
			fmt.Fprintf(&b, "\t\t%s\n", zshQuote(strings.ReplaceAll(c.Name+":"+c.Usage, "\\", "")))
		}
	}
	describe(app.VisibleCommands())
	b.WriteString("\t); _describe command commands; return ;;\n\tesac\n\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in\n")
	for _, c := range app.VisibleCommands() {
		fmt.Fprintf(&b, "\t%s)\n", c.Name)
		flags := slices.Clone(c.Flags)
		if subs := visible(c.Subcommands); len(subs) > 0 {
			b.WriteString("\t\tif (( CURRENT == 2 )); then commands=(\n")
			describe(subs)
			b.WriteString("\t\t); _describe command commands; return; fi\n\t\tshift words\n\t\t(( CURRENT-- ))\n")
			flags = append(flags, subs[0].Flags...)
		}
		b.WriteString("\t\t_arguments")
		for _, f := range flags {
			fmt.Fprintf(&b, " \\\n\t\t\t%s", zshQuote(zshFlag(f)))
		}
		what := "'*:file:_files'"
		switch {
		case c.Name == "completion":
			what = "'*:shell:(bash zsh fish)'"
		case strings.Contains(c.ArgsUsage, "MOUNTPOINT"):
			what = "'*:mount point:_directories'"
		}
		fmt.Fprintf(&b, " \\\n\t\t\t%s ;;\n", what)
	}
	b.WriteString("\tesac\n}\n[[ $zsh_eval_context[-1] == loadautofunc ]] && _veriffs \"$@\" || compdef _veriffs veriffs\n")
	return b.String()
}

// zshFlag is the specification of a flag for _arguments.
func zshFlag(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	name := "--" + f.Names()[0]
	if !ok {
		return name
	}
	usage := strings.NewReplacer("`", "", "[", "(", "]", ")", ":", ";", "\\", "").Replace(doc.GetUsage())
	if !doc.TakesValue() {
		return name + "[" + usage + "]"
	}
	complete := " "
	if name := f.Names()[0]; strings.HasSuffix(name, "-dir") {
		complete = "_directories"
	} else if strings.Contains(doc.GetUsage(), "`FILE`") {
		complete = "_files"
	}
	return name + "=[" + usage + "]:value:" + complete
}

func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func visible(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden || c.Name == "help" })
}

func names(commands []*cli.Command) []string {
	var all []string
	for _, c := range visible(commands) {
		all = append(all, c.Name)
	}
	return all
}

func flagNames(flags []cli.Flag) []string {
	var all []string
	for _, f := range flags {
		all = append(all, "--"+f.Names()[0])
	}
	return all
}
