package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/urfave/cli/v2"
)

const (
	anyID   = "9a042d5f-8b8e-43ec-903f-e56e4948bbfb"
	otherID = "28af8077-3cc8-4685-8e2a-280593b8af26"
	thirdID = "4fdd8357-b552-4229-84ee-9d8e2814d3d5"
)

// completionWorld is a home with two profiles and three lists of sessions.
func completionWorld(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "VERIFF") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	for name, text := range map[string]string{
		"data/veriffs/sessions.txt":   anyID + "\n",
		"other.txt":                   otherID + "\n" + thirdID + "\n",
		"config/veriffs/veriffs.toml": "[profiles.emea]\napi-key = \"not-to-be-shown\"\nsessions = [\"~/other.txt\"]\n[profiles.us]\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// completed runs the program as a completion script does.
func completed(t *testing.T, words ...string) (also string, texts []string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), append([]string{"veriffs", "__complete", "--"}, words...), strings.NewReader(""), &out, &errs)
	if code != exitDone || errs.Len() > 0 {
		t.Errorf("%q: exit code %d, %s", words, code, &errs)
	}
	also, rest, _ := strings.Cut(out.String(), "\n")
	for line := range strings.Lines(rest) {
		text, _, ok := strings.Cut(line, "\t")
		if !ok {
			t.Errorf("%q: %q has no tab", words, line)
		}
		texts = append(texts, text)
	}
	return also, texts
}

func TestComplete(t *testing.T) {
	dir := completionWorld(t)
	for _, tt := range []struct {
		line string // the words, with a blank between
		want string // the words offered, likewise
		also string
	}{
		{"mou", "mount", alsoNothing},
		{"log pr", "prove", alsoNothing},
		{"log show m", "", alsoNothing},
		{"umount --he", "--help", alsoNothing},
		{"mount --cache-s", "--cache-size", alsoNothing},
		{"mount --cache-size 1GiB --cache-s", "", alsoNothing},
		{"mount --sessions a --session", "--sessions", alsoNothing},
		{"mount -- --cache-s", "", alsoDirectories},
		{"mount --verify ", "require present off", alsoNothing},
		{"mount --verify=p", "--verify=present", alsoNothing},
		{"mount --connections ", "", alsoNothing},
		{"mount --allow-other=", "", alsoNothing},
		{"mount --tls-cert=", "", alsoFiles},
		{"mount --cache-dir ", "", alsoDirectories},
		{"mount --profile ", "emea us", alsoNothing},
		{"mount --profile e", "emea", alsoNothing},
		{"mount ", "", alsoDirectories},
		{"profile remove u", "us", alsoNothing},
		{"login --secret-store f", "file", alsoNothing},
		{"completion ", "bash zsh fish", alsoNothing},
		{"log show --op pur", "purge", alsoNothing},
		{"log show --session ", anyID, alsoNothing},
		{"pin ", anyID, alsoFiles},
		{"pin 9a", anyID, alsoFiles},
		{`pin "9a`, anyID, alsoFiles},
		{"unpin ", anyID, alsoFiles},
		{"evict ", anyID, alsoFiles},
		{"warm ", anyID, alsoFiles},
		{"hold add ", anyID, alsoFiles},
		{"export ", anyID, alsoFiles},
		{"purge --session ", anyID, alsoNothing},
		{"purge --all --session=9", "--session=" + anyID, alsoNothing},
		{"pin --profile emea ", otherID + " " + thirdID, alsoFiles},
		{"pin --profile=emea --fetch ", otherID + " " + thirdID, alsoFiles},
		{"pin --profile none ", "", alsoFiles},
		{"sessions remove --sessions " + dir + "/other.txt 4", thirdID, alsoFiles},
		{"sessions remove --sessions ~/other.txt 4", thirdID, alsoFiles},
		{"sessions remove --sessions - 4", "", alsoFiles},
		{"verify ", "", alsoFiles},
		{"nonsense ", "", alsoNothing},
		{"--vers", "--version", alsoNothing},
		{"__comp", "", alsoNothing},
	} {
		also, texts := completed(t, strings.Split(tt.line, " ")...)
		if got := strings.Join(texts, " "); got != tt.want || also != tt.also {
			t.Errorf("%s: %s and %q, not %s and %q", tt.line, got, also, tt.want, tt.also)
		}
	}
	t.Setenv("VERIFFS_SESSIONS", filepath.Join(dir, "other.txt"))
	if _, texts := completed(t, "pin", "4"); !slices.Equal(texts, []string{thirdID}) {
		t.Errorf("with VERIFFS_SESSIONS: %q", texts)
	}
}

// TestCompleteAll completes after every command: each has a word for something, and
// nothing of it is a secret or deceives a terminal.
func TestCompleteAll(t *testing.T) {
	completionWorld(t)
	var each func(path []string, commands []*cli.Command)
	each = func(path []string, commands []*cli.Command) {
		for _, c := range visible(commands) {
			path := append(slices.Clip(path), c.Name)
			_, texts := completed(t, append(path, "-")...)
			if !slices.Contains(texts, "--help") {
				t.Errorf("%q: no --help in %q", path, texts)
			}
			for _, f := range c.Flags {
				_, more := completed(t, append(path, "--"+f.Names()[0]+"=")...)
				texts = append(texts, more...)
			}
			if text := strings.Join(texts, " "); strings.ContainsFunc(text, deceives) || strings.Contains(text, "not-to-be-shown") {
				t.Errorf("%q: %q", path, text)
			}
			each(path, c.Subcommands)
		}
	}
	each(nil, newApp().Commands)
}

// TestCompleteUnusable: what can't be read, or has too many sessions, offers none.
func TestCompleteUnusable(t *testing.T) {
	dir := completionWorld(t)
	list := filepath.Join(dir, "data/veriffs/sessions.txt")
	var many strings.Builder
	for i := range maxOffered + 1 {
		fmt.Fprintf(&many, "9a042d5f-8b8e-43ec-903f-%012x\n", i)
	}
	for what, text := range map[string]string{"too many": many.String(), "binary": "\x00\x00", "no list": "<html>"} {
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, texts := completed(t, "pin", ""); len(texts) > 0 {
			t.Errorf("%s: %d words", what, len(texts))
		}
	}
	if err := os.WriteFile(list, []byte(many.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, texts := completed(t, "pin", "9a042d5f-8b8e-43ec-903f-00000000000"); len(texts) != 16 {
		t.Errorf("more was typed: %q", texts)
	}
	if err := os.WriteFile(filepath.Join(dir, "config/veriffs/veriffs.toml"), []byte("[profiles"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"pin", ""}, {"mount", "--profile", ""}, {}} {
		if _, texts := completed(t, words...); len(texts) > 0 {
			t.Errorf("%q with broken profiles: %q", words, texts)
		}
	}
}

// TestChoices: what completion offers is what the program takes, and the help says so.
func TestChoices(t *testing.T) {
	completionWorld(t)
	flags := append(mountCommand().Flags, loginCommand().Flags...)
	for name, all := range choices {
		text := flagNamed(flags, name).(cli.DocGenerationFlag).GetUsage()
		for _, value := range append(slices.Clone(all), "nonsense") {
			if value != "nonsense" && !strings.Contains(text, value) {
				t.Errorf("--%s: %s is not in %q", name, value, text)
			}
			if name == flagSecretStore {
				continue // of login alone, which has the same constants
			}
			if err := mountSettings("--access-log=log", "--"+name+"="+value); errors.As(err, new(*usage)) != (value == "nonsense") {
				t.Errorf("--%s=%s: %v", name, value, err)
			}
		}
	}
}

// mountSettings reads the options of mount as it does.
func mountSettings(args ...string) error {
	app := newApp()
	app.Writer, app.ErrWriter = io.Discard, io.Discard
	app.Command("mount").Action = func(c *cli.Context) error {
		if _, err := readSettings(c); err != nil {
			return err
		}
		_, _, err := newLogger(c)
		return err
	}
	return app.Run(append([]string{"veriffs", "mount"}, args...))
}
