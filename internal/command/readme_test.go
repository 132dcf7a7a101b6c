package command

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeNamesOptions: README.md lists every option of mount and every exit
// code.
func TestReadmeNamesOptions(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, options, _ := strings.Cut(string(page), "## Options of `mount`")
	options, _, _ = strings.Cut(options, "\n## ")
	for _, flag := range mountCommand().Flags {
		name := "`--" + flag.Names()[0]
		if !strings.Contains(options, name+" ") && !strings.Contains(options, name+"`") {
			t.Errorf("no option %s", name)
		}
	}
	for _, e := range exitMeanings {
		if !strings.Contains(options, "\n| "+strconv.Itoa(e.code)+" | ") {
			t.Errorf("no exit code %d", e.code)
		}
	}
}
