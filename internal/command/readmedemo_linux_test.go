package command_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeDemo: what README.md shows of make demo is what it prints, but for the user and
// the time zone.
func TestReadmeDemo(t *testing.T) {
	requireFUSE(t)
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "stays until Ctrl-C:")
	_, shown, _ = strings.Cut(shown, "```\n")
	shown, _, _ = strings.Cut(shown, "```")
	program, err := exec.LookPath("veriffs")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "demo", "--exit").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Mode, size and name of what ls lists.
	listed := regexp.MustCompile(`(?m)^(\S+) +1 +\S+ +\S+ +(\d+) .* (\S+)$`)
	rest := listed.ReplaceAllString(string(out), "$1 $2 $3")
	lines := 0
	for line := range strings.Lines(listed.ReplaceAllString(shown, "$1 $2 $3")) {
		if line = strings.TrimSpace(line); line == "…" {
			continue
		}
		// What is left out is marked.
		pattern := regexp.MustCompile("(?m)^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
		at := pattern.FindStringIndex(rest)
		if at == nil {
			t.Errorf("not in this place of what it prints: %q", line)
			continue
		}
		rest = rest[at[1]:]
		lines++
	}
	if lines < 8 {
		t.Errorf("only %d lines were compared with\n%s", lines, out)
	}
}
