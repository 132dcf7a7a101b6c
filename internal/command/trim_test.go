package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTrimPackageText(t *testing.T) {
	for text, want := range map[string]string{
		"library: session 1: not found":                      "session 1: not found",
		"cache: store: no room":                              "no room",
		"--sessions: sessionlist: read a: no such file":      "--sessions: read a: no such file",
		"open /a/cache: permission denied":                   "open /a/cache: permission denied",
		"the cache can't be used: cache: locked":             "the cache can't be used: locked",
		"the API answered 500, \"no such cache\": try later": "the API answered 500, \"no such cache\": try later",
	} {
		if got := trimPackage(errors.New(text)); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// TestTrimPackage looks for packages that name themselves in their errors, and are
// not trimmed.
func TestTrimPackage(t *testing.T) {
	root := filepath.Join("..", "..")
	packages := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := string(regexp.MustCompile(`(?m)^package (\w+)`).FindSubmatch(text)[1])
		if !regexp.MustCompile(`(?:errors\.New|Errorf)\("`+name+`: `).Match(text) || strings.Contains(path, "sandbox") {
			return nil
		}
		packages++
		if got := trimPackage(errors.New(name + ": text")); got != "text" {
			t.Errorf("%s: errors of this package show its name to users: it is missing in trim.go", path)
		}
		return nil
	})
	if err != nil || packages < 10 {
		t.Errorf("%d files looked at: %v", packages, err)
	}
}
