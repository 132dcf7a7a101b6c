package command

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/pelletier/go-toml/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/config"
	"veriffs/internal/installation"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// TestReadmeNamesOptions: README.md lists every option of mount with its default, which can
// also be set by an environment variable, and every exit code.
func TestReadmeNamesOptions(t *testing.T) {
	_, options, _ := strings.Cut(readPage(t, "README.md"), "## Options of `mount`")
	options, _, _ = strings.Cut(options, "\n## ")
	said := map[string]string{"10m0s": "10m"} // how people write what Go prints
	for _, flag := range mountCommand().Flags {
		name := flag.Names()[0]
		row := regexp.MustCompile("(?m)^\\| [^|]*`--" + name + "[ `].*$").FindString(options)
		if row == "" {
			t.Errorf("no option --%s", name)
			continue
		}
		f, ok := flag.(cli.DocGenerationFlag)
		if !ok || !slices.Contains(f.GetEnvVars(), "VERIFFS_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))) {
			t.Errorf("no variable sets --%s", name)
		}
		columns := strings.Split(strings.ReplaceAll(row, `\|`, ""), "|")
		value := f.GetValue()
		if short, ok := said[value]; ok {
			value = short
		}
		// A default that is said in words, or is nothing, can't be compared.
		if ok && strings.Trim(f.GetDefaultText(), `"`) == f.GetValue() && value != "" && value != "0" && value != "false" && !strings.Contains(columns[2], value) {
			t.Errorf("--%s is %s by default, not %s", name, value, columns[2])
		}
	}
	for _, e := range exitMeanings {
		if !strings.Contains(options, "\n| "+strconv.Itoa(e.code)+" | ") {
			t.Errorf("no exit code %d", e.code)
		}
	}
}

// TestReadmeProfile: README.md's example of a profile can be loaded, and has or names all
// that a profile can set.
func TestReadmeProfile(t *testing.T) {
	_, sample, _ := strings.Cut(readPage(t, "README.md"), "```toml\n")
	sample, _, _ = strings.Cut(sample, "```")
	path := filepath.Join(t.TempDir(), "veriffs.toml")
	if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, "emea"); err != nil {
		t.Error(err)
	}
	var given struct{ Profiles map[string]map[string]any }
	if err := toml.Unmarshal([]byte(sample), &given); err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for name := range given.Profiles["emea"] {
		names[name] = true
	}
	for line := range strings.Lines(sample) {
		setting, comment, _ := strings.Cut(line, "#")
		first, _, _ := strings.Cut(setting, " ")
		for _, word := range regexp.MustCompile(`-?[a-z][a-z-]+`).FindAllString(comment, -1) {
			if strings.HasPrefix(word, "-") { // of the same prefix as the line
				word = first + word
			}
			names[word] = true
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Profile]()) {
		if name, _, _ := strings.Cut(field.Tag.Get("toml"), ","); name != "" && name != "-" && !names[name] {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

// TestReadmePlaces: what there is to remove is where README.md says, for a user without
// variables of XDG.
func TestReadmePlaces(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the places of Linux are compared")
	}
	ownHome(t)
	for _, name := range []string{"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"} {
		t.Setenv(name, "")
	}
	xdg.Reload()
	for name, path := range map[string]string{
		"the cache":                           defaultCacheDir(),
		"profiles, and secrets kept in files": filepath.Dir(config.Path()),
		"the list of sessions":                filepath.Dir(defaultSessions()),
		"the key that signs receipts":         installation.DefaultPath(),
	} {
		row := fmt.Sprintf("\n| %s | `~%s`", name, strings.TrimPrefix(path, xdg.Home))
		if !strings.Contains(readPage(t, "README.md"), row) {
			t.Errorf("README.md has no row%s", row)
		}
	}
}

// TestVariablesAreRead: each variable that a document or a file of packaging/ names is one
// that the program reads.
func TestVariablesAreRead(t *testing.T) {
	known := []string{secretVariable, "VERIFFS_ALLOW_DEBUGGER", "VERIFFS_SOAK", "VERIFFS_REQUIRE_FUSE", "VERIFFS_SESSION"} // the last is a field of the journal
	var add func(all []*cli.Command)
	add = func(all []*cli.Command) {
		for _, c := range all {
			for _, flag := range c.Flags {
				if f, ok := flag.(cli.DocGenerationFlag); ok {
					known = append(known, f.GetEnvVars()...)
				}
			}
			add(c.Subcommands)
		}
	}
	add(newApp().Commands)
	for _, name := range []string{
		"README.md", "docs/install.md", "docs/semantics.md", "docs/team.md", "docs/accountability.md", "packaging/README.md", "packaging/systemd/veriffs@.service",
		"packaging/launchd/local.veriffs.mount.plist", "packaging/container/compose.yaml", "packaging/container/Containerfile", "packaging/nginx/veriffs-webhook.conf",
	} {
		for _, variable := range regexp.MustCompile(`\bVERIFFS?_[A-Z][A-Z_]*[A-Z]\b`).FindAllString(readPage(t, name), -1) {
			if !slices.Contains(known, variable) {
				t.Errorf("%s: nothing reads %s", name, variable)
			}
		}
	}
}
