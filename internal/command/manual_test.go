package command

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// eachPage calls f for every page of the manual.
func eachPage(f func(manualPage)) {
	var each func(manualPage)
	each = func(p manualPage) {
		f(p)
		for _, sub := range p.subcommands() {
			each(p.of(sub))
		}
	}
	each(newManual(newApp()))
}

// TestManualLint writes all pages as make install does. mandoc finds nothing to warn
// of, and no page refers to one that is not there.
func TestManualLint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	var errs bytes.Buffer
	if code := run(context.Background(), []string{"veriffs", "man", "--dir", dir}, strings.NewReader(""), io.Discard, &errs); code != exitDone {
		t.Fatal(&errs)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	references := regexp.MustCompile(`\\fB(veriffs[^\\ ]*(?:\\-[a-z]+)*)\\fR\(1\)`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range references.FindAllSubmatch(text, -1) {
			other := filepath.Join(dir, strings.ReplaceAll(string(found[1]), `\`, "")+".1")
			if !slices.Contains(files, other) {
				t.Errorf("%s refers to %s", name, other)
			}
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no mandoc here")
	}
	if out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, files...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestManualSaysWhatHelpSays: each page has the sections that people look for, and all
// that --help shows of each option.
func TestManualSaysWhatHelpSays(t *testing.T) {
	eachPage(func(p manualPage) {
		page := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fI`, "", `\fR`, "", `\(aq`, "'", `\(dq`, `"`, `\(ti`, "~").Replace(p.text())
		sections := []string{"NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}
		about, _, _, flags := p.usage()
		wanted := []string{about}
		for _, f := range flags {
			doc := f.(cli.DocGenerationFlag)
			if doc.TakesValue() && placeholderOf(f) == "" {
				t.Errorf("%s: --%s has no word for its value", p.typed(), f.Names()[0])
			}
			if len(doc.GetEnvVars()) > 0 {
				sections = append(sections, "ENVIRONMENT")
			}
			wanted = append(wanted, doc.GetEnvVars()...)
			wanted = append(wanted, dashed(f.Names()[0]), strings.ReplaceAll(doc.GetUsage(), "`", ""))
		}
		if flagNamed(flags, flagCacheDir) != nil {
			sections = append(sections, "FILES")
		}
		for _, s := range sections {
			if strings.Count(page, "\n.SH \""+s+"\"\n") != 1 {
				t.Errorf("%s: no section %s", p.typed(), s)
			}
		}
		for _, text := range wanted {
			if !strings.Contains(page, strings.ReplaceAll(text, "…", "...")) {
				t.Errorf("%s: not on its page: %s", p.typed(), text)
			}
		}
	})
}

// TestManualExamples: the program takes the command lines of the examples.
func TestManualExamples(t *testing.T) {
	paths := make(map[string]bool)
	eachPage(func(p manualPage) { paths[strings.Join(p.path, " ")] = true })
	word := regexp.MustCompile(`'[^']*'|\S+`)
	for path, examples := range manualExamples {
		if !paths[path] {
			t.Errorf("an example of %q, which is no command", path)
		}
		for _, e := range examples {
			for line := range strings.Lines(e.line) {
				_, line, ok := strings.Cut("\n"+line, "veriffs ")
				if !ok {
					t.Errorf("%s: %q does not call veriffs", path, e.line)
				}
				args := []string{"veriffs"}
				for _, w := range word.FindAllString(line, -1) {
					if w == "|" || w == ">" {
						break
					}
					args = append(args, strings.Trim(w, "')"))
				}
				if err := parsed(args); err != nil {
					t.Errorf("%q: %v", args, err)
				}
			}
		}
	}
	if err := parsed([]string{"veriffs", "mount", "--nonsense"}); err == nil {
		t.Error("anything would pass")
	}
}

// parsed runs a command line up to where the command would begin.
func parsed(args []string) error {
	app := newApp()
	app.Writer, app.ErrWriter = io.Discard, io.Discard
	var each func([]*cli.Command)
	each = func(commands []*cli.Command) {
		for _, c := range commands {
			if len(c.Subcommands) == 0 {
				c.Action = func(c *cli.Context) error {
					if c.Command.ArgsUsage == "" && c.Command.UsageText == "" && c.NArg() > 0 {
						return usageError("%q is too much", c.Args().First())
					}
					return nil
				}
			}
			each(c.Subcommands)
		}
	}
	each(app.Commands)
	return app.Run(optionsFirst(app, args))
}
