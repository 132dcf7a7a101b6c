package command

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/internal/manpage"
)

// date is that of this version, set by the linker.
var date string

const manualSection = 1

func manualCommand() *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page of a command, or write all of them",
		ArgsUsage:   "[COMMAND…]",
		Description: "Without COMMAND it prints the page of the program. The pages are made from what --help shows.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "write the pages of the program and all commands to `DIR`"}},
		Action:      manual,
	}
}

func manual(c *cli.Context) error {
	if dir := c.String("dir"); dir != "" {
		if c.NArg() > 0 {
			return usageError("--dir writes all pages: name no command")
		}
		return writeManual(newManual(c.App), dir)
	}
	page := newManual(c.App)
	for _, name := range c.Args().Slice() {
		i := slices.IndexFunc(page.subcommands(), func(sub *cli.Command) bool { return sub.HasName(name) })
		if i < 0 {
			parent := &cli.Command{HelpName: strings.Join(append([]string{c.Command.HelpName}, page.path...), " "), Subcommands: page.subcommands()}
			return unknownCommand(parent, name, "there is no command %q", name)
		}
		page = page.of(page.subcommands()[i])
	}
	_, err := io.WriteString(c.App.Writer, page.text())
	return err
}

// writeManual writes a page and those of its subcommands.
func writeManual(p manualPage, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, p.name()+"."+strconv.Itoa(manualSection))
	if err := os.WriteFile(name, []byte(p.text()), 0o644); err != nil {
		return err
	}
	for _, sub := range p.subcommands() {
		if err := writeManual(p.of(sub), dir); err != nil {
			return err
		}
	}
	return nil
}

// manualPage is the page of the program or, if a command is set, of that command.
type manualPage struct {
	app     *cli.App
	command *cli.Command
	path    []string // of the command, such as log and show
}

func newManual(app *cli.App) manualPage { return manualPage{app: app} }

func (p manualPage) of(sub *cli.Command) manualPage {
	return manualPage{p.app, sub, append(slices.Clip(p.path), sub.Name)}
}

func (p manualPage) name() string { return strings.Join(append([]string{p.app.Name}, p.path...), "-") }

// typed is what a user types to call it.
func (p manualPage) typed() string {
	return strings.Join(append([]string{p.app.Name}, p.path...), " ")
}

func (p manualPage) subcommands() []*cli.Command {
	if p.command == nil {
		return visible(p.app.Commands)
	}
	return visible(p.command.Subcommands)
}

// usage is what the help says about it.
func (p manualPage) usage() (about, description, synopsis string, flags []cli.Flag) {
	if p.command == nil {
		return p.app.Usage, aboutAll, p.app.UsageText, []cli.Flag{cli.HelpFlag, cli.VersionFlag}
	}
	c := p.command
	synopsis = c.UsageText
	if synopsis == "" {
		synopsis = p.typed()
		if len(p.subcommands()) > 0 {
			synopsis += " COMMAND"
		}
		synopsis = strings.TrimSpace(synopsis + " [options] " + strings.TrimSpace(c.ArgsUsage))
	}
	flags = slices.DeleteFunc(slices.Clone(c.Flags), func(f cli.Flag) bool { return f == cli.HelpFlag })
	return c.Usage, c.Description, synopsis, append(flags, cli.HelpFlag)
}

func (p manualPage) text() string {
	about, description, synopsis, flags := p.usage()
	page := manpage.New(p.name(), manualSection, manualDate(), p.app.Name+" "+p.app.Version, "veriffs manual")
	page.Name(p.name(), about)

	page.Section("SYNOPSIS")
	var lines []manpage.Text
	for line := range strings.Lines(synopsis) {
		lines = append(lines, synopsisLine(strings.TrimSpace(line)))
	}
	page.Lines(lines)

	if description != "" {
		page.Section("DESCRIPTION")
		page.Prose(description)
	}
	if subs := p.subcommands(); len(subs) > 0 {
		page.Section("COMMANDS")
		for _, sub := range subs {
			page.Entry(reference(p.of(sub).name()), manpage.Plain(sub.Usage))
		}
	}
	manualOptions(page, flags)
	p.environment(page, flags)
	p.files(page, flags)
	page.Section("EXIT STATUS")
	for _, e := range exitMeanings {
		page.Entry(manpage.Plain(strconv.Itoa(e.code)), manpage.Plain(e.means))
	}
	if examples := manualExamples[strings.Join(p.path, " ")]; len(examples) > 0 {
		page.Section("EXAMPLES")
		for _, e := range examples {
			page.Paragraph(manpage.Plain(e.does))
			page.Literal(strings.Split(e.line, "\n")...)
		}
	}
	p.seeAlso(page)
	return page.String()
}

// manualDate is the date of the version. A build that the linker told none, as in tests,
// is of today.
func manualDate() string {
	if date != "" {
		return date
	}
	return time.Now().UTC().Format(time.DateOnly)
}

// synopsisLine shows what is typed as it stands, and what stands for something else.
func synopsisLine(line string) manpage.Text {
	var words []manpage.Text
	for word := range strings.FieldsSeq(line) {
		if strings.ToLower(word) == word && word[0] != '[' {
			words = append(words, manpage.Bold(word))
		} else {
			words = append(words, manpage.Italic(word))
		}
	}
	var all manpage.Text
	for i, w := range words {
		if i > 0 {
			all += " "
		}
		all += w
	}
	return all
}

// manualOptions writes the options in the groups and the order of the help.
func manualOptions(page *manpage.Page, flags []cli.Flag) {
	groups := make(map[string][]cli.DocGenerationFlag)
	for _, f := range flags {
		group := ""
		if g, ok := f.(cli.CategorizableFlag); ok {
			group = g.GetCategory()
		}
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			groups[group] = append(groups[group], doc)
		}
	}
	page.Section("OPTIONS")
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if group != "" {
			page.Subsection(group)
		}
		slices.SortStableFunc(groups[group], func(a, b cli.DocGenerationFlag) int { return strings.Compare(a.Names()[0], b.Names()[0]) })
		for _, f := range groups[group] {
			page.Entry(optionTag(f), optionText(f))
		}
	}
}

func optionTag(f cli.DocGenerationFlag) (tag manpage.Text) {
	for i, name := range f.Names() {
		if i > 0 {
			tag += ", "
		}
		tag += manpage.Bold(dashed(name))
		if f.TakesValue() {
			tag += " " + manpage.Italic(placeholderOf(f))
		}
	}
	return tag
}

func optionText(f cli.DocGenerationFlag) (text manpage.Text) {
	for i, part := range strings.Split(f.GetUsage(), "`") {
		if i%2 == 1 {
			text += manpage.Italic(part)
		} else {
			text += manpage.Plain(part)
		}
	}
	if value := strings.Trim(f.GetDefaultText(), `"`); f.TakesValue() && value != "" {
		text += manpage.Plain(" (default: " + value + ")")
	}
	return text
}

func (p manualPage) environment(page *manpage.Page, flags []cli.Flag) {
	begin := sync.OnceFunc(func() { page.Section("ENVIRONMENT") })
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || len(doc.GetEnvVars()) == 0 {
			continue
		}
		var tag manpage.Text
		for i, v := range doc.GetEnvVars() {
			if i > 0 {
				tag += ", "
			}
			tag += manpage.Bold(v)
		}
		begin()
		page.Entry(tag, "sets "+manpage.Bold(dashed(f.Names()[0])))
	}
	for _, v := range manualVariables {
		if p.command == nil || flagNamed(flags, v.flag) != nil {
			begin()
			page.Entry(manpage.Bold(v.name), manpage.Plain(v.about))
		}
	}
}

func (p manualPage) files(page *manpage.Page, flags []cli.Flag) {
	var all []manualFile
	for _, f := range manualFiles {
		if p.command == nil || slices.ContainsFunc(f.flags, func(name string) bool { return flagNamed(flags, name) != nil }) {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return
	}
	page.Section("FILES")
	for _, f := range all {
		page.Entry(manpage.Italic(f.name), manpage.Plain(f.about))
	}
	page.Paragraph(manpage.Plain(manualPlaces))
}

func (p manualPage) seeAlso(page *manpage.Page) {
	page.Section("SEE ALSO")
	var names []string
	if p.command == nil {
		for _, sub := range p.subcommands() {
			names = append(names, p.of(sub).name())
		}
	} else {
		names = append(names, p.app.Name)
		if len(p.path) > 1 {
			names = append(names, p.app.Name+"-"+p.path[0])
		}
		for _, related := range manualRelated[p.path[0]] {
			names = append(names, p.app.Name+"-"+related)
		}
	}
	var all manpage.Text
	for i, name := range names {
		if i > 0 {
			all += ", "
		}
		all += reference(name)
	}
	page.Paragraph(all)
}

// reference is the name of another page.
func reference(name string) manpage.Text {
	return manpage.Bold(name) + manpage.Plain(fmt.Sprintf("(%d)", manualSection))
}
