package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
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
