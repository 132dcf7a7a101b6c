package command_test

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// These tests keep the documents honest: every test that a document names exists, every
// item of its lists names one, and so does every section. What no test shows here says so.

func TestReadmeNamesTests(t *testing.T)    { namesTests(t, "README.md") }
func TestPackagingNamesTests(t *testing.T) { namesTests(t, "packaging/README.md") }
func TestSemanticsNamesTests(t *testing.T) { namesTests(t, "docs/semantics.md") }
func TestInstallNamesTests(t *testing.T)   { namesTests(t, "docs/install.md") }
func TestSharingNamesTests(t *testing.T)   { namesTests(t, "docs/sharing.md") }

var (
	namedTest = regexp.MustCompile(`\bTest[A-Z]\w*(/\w+)?`) // the latter is a script of TestScripts
	untested  = regexp.MustCompile(`\bnot (tested|tried)\b|\b[Tt]ried by hand\b`)
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```$")
	// The rows of README.md's tables of options and exit codes are items, too.
	itemStart = regexp.MustCompile("(?m)^(- |\\| `--|\\| \\d+ \\|)")
)

func namesTests(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	page := codeBlock.ReplaceAllString(string(text), "")
	areThere(t, page)
	shown := func(text string) bool { return namedTest.MatchString(text) || untested.MatchString(text) }
	for section := range strings.SplitSeq(page, "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		if title != "License" && !shown(text) {
			t.Errorf("no test shows anything of: %s", title)
		}
		starts := itemStart.FindAllStringIndex(text, -1)
		for i, start := range starts {
			item := text[start[0]:]
			if i+1 < len(starts) {
				item = text[start[0]:starts[i+1][0]]
			}
			if item, _, _ = strings.Cut(item, "\n\n"); !shown(item) {
				t.Errorf("no test shows: %s", item)
			}
		}
	}
}

// TestPackagingFilesNameTests: the tests that comments in packaging/ name exist.
func TestPackagingFilesNameTests(t *testing.T) {
	err := filepath.WalkDir(filepath.Join(root, "packaging"), func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		areThere(t, string(text))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// areThere fails if a text names a test that does not exist.
func areThere(t *testing.T, text string) {
	t.Helper()
	tests, err := readTests()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range namedTest.FindAllString(text, -1) {
		if !tests[test] {
			t.Errorf("there is no %s", test)
		}
	}
}

// readTests returns the names of all tests, and those of scripts as TestScripts/NAME.
var readTests = sync.OnceValues(func() (map[string]bool, error) {
	tests := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if function, ok := strings.CutPrefix(line, "func "); ok && strings.Contains(line, "(t *testing.T)") {
				name, _, _ := strings.Cut(function, "(")
				tests[name] = true
			}
		}
		return err
	})
	scripts, globErr := filepath.Glob("testdata/script/*.txtar")
	for _, script := range scripts {
		tests["TestScripts/"+strings.TrimSuffix(filepath.Base(script), ".txtar")] = true
	}
	return tests, errors.Join(err, globErr)
})
