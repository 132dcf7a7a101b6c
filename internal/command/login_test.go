package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/adrg/xdg"
	"github.com/zalando/go-keyring"

	"veriffs/internal/config"
	"veriffs/veriff/sandbox"
)

// TestLoginKeyring stores a secret in a keyring and finds it again by the
// profile. Scripts can't: a keyring that lives longer than a process needs a
// desktop.
func TestLoginKeyring(t *testing.T) {
	keyring.MockInit()
	t.Cleanup(xdg.Reload) // once the environment is as it was
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config"))
	xdg.Reload()
	world := sandbox.New(sandbox.Options{})
	server, err := sandbox.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	secrets := strings.Join(world.Secrets(), "\n") + "\n"
	var stdout, stderr bytes.Buffer
	args := []string{"veriffs", "login", "--profile", "desk", "--api-url", server.URL, "--api-key", world.APIKey}
	if code := run(t.Context(), args, strings.NewReader(secrets), &stdout, &stderr); code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	loaded, err := config.Load(config.Path(), "desk")
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&profile{loaded, "desk"}).secrets(t.Context())
	if want := strings.Join(world.Secrets(), ","); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}

	// It is looked for before anything is asked.
	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	stderr.Reset()
	if code := run(t.Context(), args, iotest.ErrReader(errors.New("something was asked")), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "--secret-store file") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	for _, secret := range world.Secrets() {
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Error("the secret was printed")
		}
	}
}

// TestLoginMovesTheSecret: what an earlier login has stored in another place is
// removed, and the user is told.
func TestLoginMovesTheSecret(t *testing.T) {
	keyring.MockInit()
	ownHome(t)
	world := sandbox.New(sandbox.Options{})
	server, err := sandbox.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	file := config.SecretFile(config.Path(), "desk")
	for _, step := range []struct {
		store, says         string
		inKeyring, hasAFile bool
	}{
		{"file", "", false, true},
		{"file", "", false, true},
		{"keyring", "Removed the old shared secret from " + file + ".", true, false},
		{"keyring", "", true, false},
		{"file", "Removed the old shared secret from the keyring.", false, true},
	} {
		var stdout, stderr bytes.Buffer
		args := []string{"veriffs", "login", "--profile", "desk", "--api-url", server.URL, "--api-key", world.APIKey, "--secret-store", step.store}
		if code := run(t.Context(), args, strings.NewReader(world.Secrets()[0]), &stdout, &stderr); code != exitDone {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		_, more, _ := strings.Cut(stdout.String(), "\n")
		if strings.TrimSpace(more) != step.says {
			t.Errorf("to the %s: %s", step.store, more)
		}
		_, inKeyring := keyring.Get("veriffs", "desk")
		_, inFile := os.Stat(file)
		if (inKeyring == nil) != step.inKeyring || (inFile == nil) != step.hasAFile {
			t.Errorf("to the %s: in the keyring: %v, in the file: %v", step.store, inKeyring, inFile)
		}
	}
	// If the profile can't be written, it goes on as it was.
	if err := os.WriteFile(config.Path(), []byte("profiles.desk = { shared-secret-file = '"+file+"' }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	args := []string{"veriffs", "login", "--profile", "desk", "--api-url", server.URL, "--api-key", world.APIKey}
	if code := run(t.Context(), args, strings.NewReader(world.Secrets()[0]), io.Discard, &stderr); code != exitUsage {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if _, err := keyring.Get("veriffs", "desk"); !errors.Is(err, keyring.ErrNotFound) {
		t.Error("a secret that no profile names is in the keyring")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// login says no more than the API's answer proves.
func TestLoginSaysWhatIsProven(t *testing.T) {
	const wrong = "00000000-1111-2222-3333-444444444444"
	for name, test := range map[string]struct {
		effects []sandbox.Effect
		secrets []string // beside the right one
		only    bool     // without the right one
		args    []string
		says    string
	}{
		"accepted":   {says: "^The API accepts these credentials. They are stored"},
		"refused":    {effects: []sandbox.Effect{sandbox.Status(403)}, says: "^The shared secret is right: .* Whether the API accepts the key is not certain .*403"},
		"failing":    {effects: []sandbox.Effect{sandbox.Status(500)}, says: "^The shared secret is right: .*500"},
		"unsigned":   {effects: []sandbox.Effect{sandbox.Status(404), sandbox.Unsigned()}, secrets: []string{wrong}, only: true, args: []string{"--verify", "present"}, says: "not signed, so the shared secret was not checked"},
		"one of two": {secrets: []string{wrong}, says: "^The API accepts these credentials. One of the shared secrets signed its answer; the others were not checked."},
	} {
		t.Run(name, func(t *testing.T) {
			ownHome(t)
			world := sandbox.New(sandbox.Options{})
			server, err := sandbox.Listen(world)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if test.effects != nil {
				world.Set(sandbox.Match{}, test.effects...)
			}
			secrets := append([]string{world.Secrets()[0]}, test.secrets...)
			if test.only {
				secrets = test.secrets
			}
			var stdout, stderr bytes.Buffer
			args := append([]string{"veriffs", "login", "--profile", "desk", "--api-url", server.URL, "--api-key", world.APIKey, "--secret-store", "file"}, test.args...)
			if code := run(t.Context(), args, strings.NewReader(strings.Join(secrets, ",")), &stdout, &stderr); code != exitDone {
				t.Fatalf("exit code %d: %s", code, stderr.String())
			}
			if !regexp.MustCompile(test.says).MatchString(stdout.String()) {
				t.Errorf("%s", stdout.String())
			}
		})
	}
}
