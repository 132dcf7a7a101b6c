package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestLogrotate compares the snippet's patterns with the names that documents and unit give
// to logs. An access log that logrotate took for one of a mount would lose its records.
func TestLogrotate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("logrotate/veriffs")
	if err != nil {
		t.Fatal(err)
	}
	patterns := regexp.MustCompile(`(?m)^(/\S+) \{$`).FindAllStringSubmatch(string(text), -1)
	if len(patterns) != 2 {
		t.Fatalf("it has the patterns %q", patterns)
	}
	for name, want := range map[string]int{
		"mount-emea.log": 1, "main/mount.log": 1,
		"access.log": 0, "audit.log": 0, "main.log": 0, "access.log.000000000123": 0, "access.log.checkpoint": 0,
		"main/access.log": 0, "main/audit.log": 0,
	} {
		got := 0
		for _, pattern := range patterns {
			if matches, err := filepath.Match(pattern[1], "/var/log/veriffs/"+name); err != nil {
				t.Error(err)
			} else if matches {
				got++
			}
		}
		if got != want {
			t.Errorf("%s is rotated by %d patterns, not %d", name, got, want)
		}
	}
}
