package command

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// What a shell may offer beside the words of an offer.
const (
	alsoNothing     = "nothing"
	alsoFiles       = "files"
	alsoDirectories = "directories"
)

// offer is what can stand where a command line is being typed.
type offer struct {
	also  string
	words []offered
}

type offered struct{ text, about string }

const (
	// maxOffered is how many words are offered: a shell takes seconds to sort a hundred
	// thousand, and nobody reads a thousand. Above it none is offered until more is typed,
	// since a shell would take what some of them have in common for what all have.
	maxOffered = 1000
	// completeTime bounds the reading of files: one may be on a network file system that
	// hangs. A hundred thousand sessions take 0.1 s.
	completeTime = 5 * time.Second
)

// complete returns what can stand in place of the last of words. It reads the profiles,
// a sessions file or the table of mounts, and asks neither a mount nor the API.
func complete(ctx context.Context, app *cli.App, words []string) offer {
	if len(words) == 0 {
		return offer{also: alsoNothing}
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	found, err := interruptible(ctx, func() (o offer, _ error) {
		defer func() {
			if recover() != nil {
				o = offer{}
			}
		}()
		return completion{app: app, given: make(map[string][]string)}.last(words), nil
	})
	if err != nil || found.also == "" {
		return offer{also: alsoNothing}
	}
	if len(found.words) > maxOffered {
		found.words = nil
	}
	return found
}

// completion is a command line that is being typed.
type completion struct {
	app     *cli.App
	command *cli.Command        // nil: none is named yet
	path    string              // of the command, such as "log show"
	given   map[string][]string // values of options, by the option's first name
}

// last reads all words but the last, and completes that.
func (l completion) last(words []string) offer {
	word := unquoted(words[len(words)-1])
	var waiting cli.Flag // an option whose value comes next
	operands := false    // -- has ended the options
	for _, w := range words[:len(words)-1] {
		w = unquoted(w)
		switch {
		case waiting != nil:
			l.give(waiting, w)
			waiting = nil
		case operands:
		case w == "--":
			operands = true
		case len(w) > 1 && w[0] == '-':
			name, value, assigned := strings.Cut(strings.TrimLeft(w, "-"), "=")
			f := flagNamed(l.flags(), name)
			switch {
			case f == nil:
			case !assigned && takesValue(f):
				waiting = f
			default:
				l.give(f, value)
			}
		case len(l.subcommands()) > 0:
			i := slices.IndexFunc(l.subcommands(), func(c *cli.Command) bool { return c.HasName(w) })
			if i < 0 {
				return offer{also: alsoNothing}
			}
			l.command = l.subcommands()[i]
			l.path = strings.TrimSpace(l.path + " " + l.command.Name)
		}
	}
	name, value, assigned := strings.Cut(word, "=")
	switch {
	case waiting != nil:
		return beginning(word, "", l.values(waiting))
	case !operands && strings.HasPrefix(word, "--") && assigned:
		f := flagNamed(l.flags(), name[2:])
		if f == nil || !takesValue(f) {
			return offer{also: alsoNothing}
		}
		return beginning(value, name+"=", l.values(f))
	case !operands && strings.HasPrefix(word, "-"):
		return beginning(word, "", offer{alsoNothing, l.options()})
	case len(l.subcommands()) > 0:
		var all []offered
		for _, c := range l.subcommands() {
			all = append(all, offered{c.Name, c.Usage})
		}
		return beginning(word, "", offer{alsoNothing, all})
	default:
		return beginning(word, "", l.arguments())
	}
}

// beginning leaves what begins with a word, each with a prefix. A word that could
// deceive a terminal or a script is left out.
func beginning(word, prefix string, o offer) offer {
	var left []offered
	for _, w := range o.words {
		if strings.HasPrefix(w.text, word) && !strings.ContainsFunc(w.text, deceives) {
			left = append(left, offered{prefix + w.text, w.about})
		}
	}
	o.words = left
	return o
}

func (l completion) give(f cli.Flag, value string) {
	name := f.Names()[0]
	l.given[name] = append(l.given[name], value)
}

func (l completion) subcommands() []*cli.Command {
	if l.command == nil {
		return visible(l.app.Commands)
	}
	return visible(l.command.Subcommands)
}

func (l completion) flags() []cli.Flag {
	if l.command == nil {
		return l.app.Flags
	}
	return append(slices.Clone(l.command.Flags), cli.HelpFlag)
}

// options are the options that can still be given.
func (l completion) options() (all []offered) {
	for _, f := range l.flags() {
		_, given := l.given[f.Names()[0]]
		if _, repeats := f.(*cli.StringSliceFlag); given && !repeats {
			continue
		}
		about := ""
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			about = strings.ReplaceAll(doc.GetUsage(), "`", "")
		}
		o := offered{dashed(f.Names()[0]), about}
		if !slices.Contains(all, o) { // the library may have added --help by itself
			all = append(all, o)
		}
	}
	return all
}

// unquoted is a word as the shell will read it, as far as quotes go.
func unquoted(word string) string {
	var b strings.Builder
	quote := rune(0)
	escaped := false
	for _, r := range word {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fromHome is a path whose ~ the shell has not replaced yet.
func fromHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return home + "/" + rest
	}
	return path
}
