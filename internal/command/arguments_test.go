package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func TestOptionsFirst(t *testing.T) {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "json", Aliases: []string{"j"}},
		&cli.BoolFlag{Name: "all", Aliases: []string{"a"}},
		&cli.StringFlag{Name: "profile", Aliases: []string{"p"}},
		&cli.StringSliceFlag{Name: "sessions"},
		&cli.IntFlag{Name: "connections"},
	}
	app := &cli.App{Commands: []*cli.Command{
		{Name: "mount", Aliases: []string{"on"}, Flags: flags},
		{Name: "sessions", Subcommands: []*cli.Command{{Name: "list", Flags: flags}}},
	}}
	for line, want := range map[string]string{
		"":                               "",
		"--version":                      "--version",
		"nonsense x --json":              "nonsense x --json",
		"--json mount x":                 "--json mount x",
		"mount":                          "mount",
		"mount x":                        "mount -- x",
		"mount --json x":                 "mount --json -- x",
		"mount x --json":                 "mount --json -- x",
		"on x --json":                    "on --json -- x",
		"mount x -json":                  "mount -json -- x",
		"mount x --json=false y":         "mount --json=false -- x y",
		"mount x --json false":           "mount --json -- x false",
		"mount x --profile p":            "mount --profile p -- x",
		"mount x --profile=p y":          "mount --profile=p -- x y",
		"mount --profile p x --json":     "mount --profile p --json -- x",
		"mount --profile --json x":       "mount --profile --json -- x",
		"mount --profile -- x":           "mount --profile -- -- x",
		"mount x --profile":              "mount --profile",
		"mount a --sessions 1 b -p c":    "mount --sessions 1 -p c -- a b",
		"mount x --connections -1":       "mount --connections -1 -- x",
		"mount x -ja":                    "mount -ja -- x",
		"mount x -jp name":               "mount -jp name -- x",
		"mount x --nonsense":             "mount --nonsense -- x",
		"mount x --nonsense p":           "mount --nonsense -- x p",
		"mount -- --json":                "mount -- --json",
		"mount x -- --json --profile":    "mount -- x --json --profile",
		"mount x --json -- -y --":        "mount --json -- x -y --",
		"mount - --json":                 "mount --json -- -",
		"sessions":                       "sessions",
		"sessions --json list":           "sessions --json list",
		"sessions list x --profile p -j": "sessions list --profile p -j -- x",
	} {
		got := optionsFirst(app, append([]string{"veriffs"}, strings.Fields(line)...))
		if diff := cmp.Diff(append([]string{"veriffs"}, strings.Fields(want)...), got); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestSimilar(t *testing.T) {
	app := newApp()
	var commands, options []string
	for _, c := range app.Commands {
		commands = append(commands, c.Names()...)
	}
	for _, f := range app.Command("mount").Flags {
		options = append(options, f.Names()...)
	}
	for word, want := range map[string]string{
		"mont": "mount", "statsu": "status", "umont": "umount", "lgoin": "login", "evcit": "evict", "unpinn": "unpin",
		"nonsense": "", "frobnicate": "", "x": "",
	} {
		if got := similar(word, commands); got != want {
			t.Errorf("the command %s: %q, not %q", word, got, want)
		}
	}
	for word, want := range map[string]string{
		"pofile": "profile", "cachesize": "cache-size", "shared-secret": "shared-secret-file", "backgruond": "background",
		"nonsense": "", "json": "",
	} {
		if got := similar(word, options); got != want {
			t.Errorf("the option %s: %q, not %q", word, got, want)
		}
	}
}
