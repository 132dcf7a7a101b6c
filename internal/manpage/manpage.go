// Package manpage writes manual pages in the language of man(7), which every man
// program reads.
//
// # What it promises
//
// Any text comes out as it went in: nothing of it is taken for a command of the
// language. The pages have no mistakes that mandoc(1) warns of.
//
// # What it does not promise
//
// It knows the few forms that the pages of a command need.
//
// # Concurrency
//
// A [Page] is written by one goroutine.
package manpage

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is a piece of a line in the language of man(7).
type Text string

// Plain is ordinary text.
func Plain(text string) Text {
	var b strings.Builder
	for _, r := range text {
		switch escaped, ok := escapes[r]; {
		case ok:
			b.WriteString(escaped)
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return Text(b.String())
}

// escapes are for characters that the language would take for something else or show
// as another one, such as a typographic quote in place of one that a shell takes.
var escapes = map[rune]string{
	'\\': `\e`, '\'': `\(aq`, '`': `\(ga`, '^': `\(ha`, '~': `\(ti`, '"': `\(dq`, '-': `\-`, '…': `...`,
}

// Bold is what is typed as it stands, Italic what stands for something else.
func Bold(text string) Text   { return `\fB` + Plain(text) + `\fR` }
func Italic(text string) Text { return `\fI` + Plain(text) + `\fR` }

// Page is a manual page that is being written.
type Page struct {
	b       strings.Builder
	heading bool // nothing has been written since the last heading
}

// New begins a page. The date has the form 2006-01-02.
func New(name string, section int, date, source, manual string) *Page {
	p := new(Page)
	p.macro("TH", string(Plain(name)), fmt.Sprint(section), date, quoted(source), quoted(manual))
	p.macro("nh") // names of files and variables are hard to read with hyphens in them
	p.macro("ad", "l")
	return p
}

// String is the page.
func (p *Page) String() string { return p.b.String() }

// Name is the line that apropos(1) finds.
func (p *Page) Name(name, about string) {
	p.Section("NAME")
	p.line(Plain(name) + ` \- ` + Plain(about))
}

// Section begins a section.
func (p *Page) Section(title string) { p.macro("SH", quoted(title)); p.heading = true }

// Subsection begins a part of a section.
func (p *Page) Subsection(title string) { p.macro("SS", quoted(title)); p.heading = true }

// Paragraph writes a paragraph.
func (p *Page) Paragraph(text Text) {
	if !p.heading {
		p.macro("PP")
	}
	p.line(text)
}

// Entry writes an entry of a list: a tag, and what is said about it.
func (p *Page) Entry(tag, about Text) {
	p.macro("TP")
	p.line(tag)
	p.line(about)
}

// Literal writes lines as they stand.
func (p *Page) Literal(lines ...string) {
	if !p.heading {
		p.macro("PP")
	}
	p.macro("RS", "4n")
	p.macro("EX")
	for _, l := range lines {
		p.line(Plain(l))
	}
	p.macro("EE")
	p.macro("RE")
}

// Lines writes short lines below each other.
func (p *Page) Lines(lines []Text) {
	for i, l := range lines {
		if i > 0 {
			p.macro("br")
		}
		p.line(l)
	}
}

// Prose writes text as a person lays it out: a blank line ends a paragraph, and lines
// that begin with a blank stay as they are.
func (p *Page) Prose(text string) {
	for part := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(part, "\n")
		if !strings.HasPrefix(lines[0], " ") {
			p.Paragraph(Plain(strings.Join(lines, " ")))
			continue
		}
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		p.Literal(lines...)
	}
}

func (p *Page) macro(name string, args ...string) {
	p.b.WriteString("." + strings.Join(append([]string{name}, args...), " ") + "\n")
}

// line writes a line of text, which must not look like a macro.
func (p *Page) line(text Text) {
	p.heading = false
	if strings.HasPrefix(string(text), ".") {
		text = `\&` + text
	}
	p.b.WriteString(string(text) + "\n")
}

func quoted(text string) string { return `"` + string(Plain(text)) + `"` }
