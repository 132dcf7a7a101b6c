package command

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

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

	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	stderr.Reset()
	if code := run(t.Context(), args, strings.NewReader(secrets), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "--secret-store file") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	for _, secret := range world.Secrets() {
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Error("the secret was printed")
		}
	}
}
