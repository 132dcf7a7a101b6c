package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/config"
)

// TestNoUserInURLs: an option whose URL has a user and a password is refused wherever it
// comes from, and no message quotes it.
func TestNoUserInURLs(t *testing.T) {
	home := ownHome(t)
	records, picture := filepath.Join(home, "records")+"/", "9a042d5f-8b8e-43ec-903f-e56e4948bbfb"
	for _, args := range [][]string{
		{"mount", "--api-url", "https://ann:hidden@host", home},
		{"mount", "--team-store", "s3://ann:hidden@b", home},
		{"mount", "--team-store", "s3://b", "--team-store-endpoint", "https://ann:hidden@host", home},
		{"mount", "--team-store", "s3://b", "--team-store-endpoint", "https://ann@host", home},
		{"mount", "--team-store", "s3://b", "--team-store-endpoint", "https://ann:hidden%@host", home},
		{"mount", "--team-store", "s3://b", "--team-store-endpoint", "https://ann:hid/den@host", home},
		{"mount", "--team-store", "s3://b", "--team-store-endpoint", "ann:hidden@host", home},
		{"mount", "--access-log", records, "--access-log-anchor", "s3://ann:hidden@b", home},
		{"mount", "--access-log", records, "--access-log-anchor", "s3://b?endpoint=https://ann:hidden@host", home},
		{"mount", "--access-log", records, "--access-log-anchor", "s3://b?endpoint=https%3A%2F%2Fann%3Ahidden%40host", home},
		{"mount", "--access-log", records, "--access-log-anchor", "exe:send --user ann:hidden", home},
		{"mount", "--webhook-listen", "https://ann:hidden@host", home},
		{"mount", "--metrics-listen", "ann:hidden@127.0.0.1:0", home},
		{"webhook", "--listen", "https://ann:hidden@host"},
		{"export", "--timestamp", "https://ann:hidden@host", picture, filepath.Join(home, "bag")},
		{"log", "verify", "--checkpoint", "s3://ann:hidden@b", records},
		{"log", "verify", "--checkpoint", "s3://b?endpoint=https://ann:hidden@host", records},
	} {
		refusesUser(t, args...)
	}
	t.Setenv("VERIFFS_ACCESS_LOG_ANCHOR", "syslog:\ns3://b?endpoint=https://ann:hidden@host")
	refusesUser(t, "mount", "--access-log", records, home)
	t.Setenv("VERIFFS_ACCESS_LOG_ANCHOR", "")
	text := "[profiles.default]\naccess-log = \"records/\"\naccess-log-anchor = [\"s3://ann:hidden@b\"]\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(config.Path()), 0o700), os.WriteFile(config.Path(), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	refusesUser(t, "mount", home)
}

// refusesUser fails unless a command line is refused without a word of the user.
func refusesUser(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), append([]string{"veriffs"}, args...), strings.NewReader(""), &out, &out)
	if said := out.String(); code != exitUsage || strings.Contains(said, "hid") || strings.Contains(said, "ann") || !strings.Contains(said, " user name ") && !strings.Contains(said, "exec:COMMAND") {
		t.Errorf("%q: exit code %d: %s", args, code, said)
	}
}

// TestShownURLs: what may have a user is shown nowhere; all else is.
func TestShownURLs(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "https://s3.example.com:9000/a": false, "s3://b/p": false, "file:///mnt/team": false, "127.0.0.1:80": false,
		"/home/ann@bank/a:b": false, "/mnt/a%40b": false, "100%": false, "s3://b?endpoint=http://127.0.0.1:9&region=r": false,
		"https://ann@host": true, "https://ann:hidden@host": true, "https://ann:hid%ZZ@host": true, "https://ann:hid/den@host": true,
		"//ann:hidden@host": true, "ann:hidden@host": true, "s3://b?endpoint=https%3A%2F%2Fann%3Ahidden%40host": true, "s3://b?endpoint=https://ann:hidden@host": true,
	} {
		if got := hasUser(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
