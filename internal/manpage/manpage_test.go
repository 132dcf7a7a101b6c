package manpage_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"veriffs/internal/manpage"
)

const tricky = `.SH no \fBmacro 'quoted' "twice" ~/x^y --a-b \e … é`

func trickyPage() string {
	p := manpage.New("na-me", 1, "2026-11-27", `sour"ce`, "the manual")
	p.Name("na-me", "does what it says")
	p.Section(`A "TITLE"`)
	p.Paragraph(manpage.Plain(tricky))
	p.Paragraph(manpage.Bold("--size") + " " + manpage.Italic("SIZE"))
	p.Subsection("PART")
	p.Entry(manpage.Bold("--x"), manpage.Plain(tricky))
	p.Literal(tricky, "'second")
	p.Section("LAST")
	p.Lines([]manpage.Text{"one", "two"})
	p.Prose("A paragraph\nof two lines.\n\n  literal   text\n\nThe end.")
	return p.String()
}

// TestPage renders a page of everything that could be mistaken for something else.
func TestPage(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no mandoc here")
	}
	render := func(args ...string) string {
		cmd := exec.Command("mandoc", args...)
		cmd.Stdin = strings.NewReader(trickyPage())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return string(out)
	}
	if out := render("-T", "lint", "-W", "warning"); out != "" {
		t.Error(out)
	}
	out := plain(render("-T", "utf8", "-O", "width=200"))
	want := strings.NewReplacer("…", "...").Replace(tricky)
	if n := strings.Count(out, want); n != 3 {
		t.Errorf("%d times and not 3: %s\n%s", n, want, out)
	}
	for _, text := range []string{"A paragraph of two lines.", "    literal   text", "'second", `A "TITLE"`, "--size SIZE", "sour\"ce"} {
		if !strings.Contains(out, text) {
			t.Errorf("not in it: %s\n%s", text, out)
		}
	}
}

// plain removes what makes a printer strike twice.
func plain(text string) string {
	var out []rune
	for _, r := range text {
		if r == '\b' && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, r)
	}
	return string(out)
}
