package command_test

import (
	"go/parser"
	"go/token"
	iofs "io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the directory of the module, from here.
const root = "../.."

// undrawn are the packages that the picture in docs/design.md leaves out.
var undrawn = []string{"internal/bench", "internal/bench/plot", "internal/demoteam", "internal/accesslog/logtest", "internal/bucket/buckettest", "veriff/sandbox", "veriff/sandbox/draw"}

// TestDesignPicture compares the arrows in docs/design.md with the imports,
// and the rows of the table below with the packages.
func TestDesignPicture(t *testing.T) {
	page := readDesign(t)
	arrows, packages := make(map[string]bool), make(map[string]bool)
	for from, all := range readImports(t) {
		if slices.Contains(undrawn, from) {
			continue
		}
		packages[from] = true
		for to := range all {
			if !slices.Contains(undrawn, to) {
				arrows[from+" --> "+to] = true
			}
		}
	}
	_, picture, _ := strings.Cut(page, "```mermaid\ngraph TD\n")
	picture, _, _ = strings.Cut(picture, "```")
	drawn := make(map[string]bool)
	for line := range strings.Lines(picture) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), " --> ")
		if !ok {
			t.Errorf("not an arrow: %q", line)
		}
		for _, a := range strings.Split(from, " & ") {
			for _, b := range strings.Split(to, " & ") {
				if drawn[a+" --> "+b] {
					t.Errorf("%s --> %s is there twice", a, b)
				}
				drawn[a+" --> "+b] = true
			}
		}
	}
	compare(t, "arrows", arrows, drawn)

	_, parts, _ := strings.Cut(page, "| part | job |")
	parts, _, _ = strings.Cut(parts, "\n\n")
	rows := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(parts, -1) {
		if !slices.Contains(undrawn, row[1]) {
			rows[row[1]] = true
		}
	}
	compare(t, "rows", packages, rows)
}

// TestDesignFiles: every file that docs/design.md names is there.
func TestDesignFiles(t *testing.T) {
	named := regexp.MustCompile(`[\w./-]*\w\.go\b`).FindAllString(readDesign(t), -1)
	if len(named) < 20 {
		t.Errorf("only %d files are named", len(named))
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("files are named by their path in the module: %v", err)
		}
	}
}

// compare wants two sets to be the same.
func compare(t *testing.T, what string, want, got map[string]bool) {
	t.Helper()
	sorted := func(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("%s in docs/design.md: - is missing, + is too much\n%s", what, diff)
	}
}

func readDesign(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// readImports returns which packages of ours each package imports, on any
// operating system and outside of tests. The program itself is main.go.
func readImports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	const module = "veriffs/"
	imports := make(map[string]map[string]bool)
	err := filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if from == "." {
			from = "main.go"
		}
		if imports[from] == nil {
			imports[from] = make(map[string]bool)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(name, module); ours {
				imports[from][to] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
