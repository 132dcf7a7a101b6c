package config

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/zalando/go-keyring"
)

const (
	keyringService = "veriffs" // under which the secrets are kept, each by its profile's name

	// commandTime bounds a command that prints a secret: it may ask a person.
	commandTime = 2 * time.Minute
	maxSecret   = 4 << 10 // bytes
)

// FromCommand returns what the command of a profile prints: its secrets.
// What goes wrong is told without any of its output, except what it writes to
// standard error, which is the user's own.
func FromCommand(ctx context.Context, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.Output()
	switch {
	case err != nil:
		return "", &Error{Problem: "the secret-command " + args[0] + " failed", Err: err, Hint: "run it by hand: it should print the shared secret"}
	case len(out) > maxSecret:
		return "", &Error{Problem: "the secret-command " + args[0] + " printed more than a secret", Hint: "it should print the shared secret alone"}
	}
	return string(bytes.TrimSpace(out)), nil
}

// FromKeyring returns the secrets that ToKeyring has stored for a profile.
func FromKeyring(name string) (string, error) {
	text, err := keyring.Get(keyringService, name)
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return "", &Error{Problem: "the keyring has no shared secret of the profile " + name, Hint: "store it with: veriffs login --profile " + name}
	case err != nil:
		return "", &Error{Problem: "the keyring can't be used", Err: err, Hint: "is it unlocked? Without a desktop keep the secret in a file: veriffs login --secret-store file --profile " + name}
	}
	return text, nil
}

// ToKeyring stores the secrets of a profile in the keyring of the operating
// system.
func ToKeyring(name, secrets string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := keyring.Set(keyringService, name, secrets); err != nil {
		return &Error{Problem: "the keyring can't be used", Err: err, Hint: "without a desktop keep the secret in a file: --secret-store file"}
	}
	return nil
}

// ToFile stores the secrets of a profile in a file beside the one of the
// profiles, for the user alone, and returns its path.
func ToFile(path, name, secrets string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	file := filepath.Join(filepath.Dir(path), name+".secret")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", &Error{Problem: "the secret can't be stored", Err: err}
	}
	if err := renameio.WriteFile(file, []byte(secrets+"\n"), 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return "", &Error{Problem: "the secret can't be stored", Err: err}
	}
	return file, nil
}
