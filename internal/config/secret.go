package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/zalando/go-keyring"
)

const (
	keyringService = "veriffs" // under which the secrets are kept, each by its profile's name

	// commandTime bounds a command that prints a secret. It may ask a person.
	commandTime = 2 * time.Minute
	// commandGrace is how long the command may take to end when told to.
	commandGrace = 2 * time.Second
	maxSecret    = 4 << 10 // bytes
)

// FromCommand returns the secrets that the command of a profile prints. Errors
// never quote its output; its standard error is the user's.
func FromCommand(asking context.Context, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(asking, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	// SIGTERM lets it restore the terminal. Its children may keep its output open.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	out, err := cmd.Output()
	switch {
	case asking.Err() != nil:
		return "", context.Cause(asking)
	case ctx.Err() != nil:
		return "", &Error{Problem: fmt.Sprintf("the secret-command %s took longer than %v", args[0], commandTime), Hint: "run it by hand: it should print the shared secret"}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // about what it left running
		return "", &Error{Problem: "the secret-command " + args[0] + " failed", Err: err, Hint: "run it by hand: it should print the shared secret"}
	case len(out) > maxSecret:
		return "", &Error{Problem: fmt.Sprintf("the secret-command %s printed more than %d bytes", args[0], maxSecret), Hint: "it should print the shared secret alone"}
	}
	return string(bytes.TrimSpace(out)), nil
}

// FromKeyring returns the secrets that ToKeyring has stored for a profile.
func FromKeyring(name string) (string, error) {
	text, err := keyring.Get(keyringService, name)
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return "", &Error{Problem: "the keyring has no shared secret for the profile " + name, Hint: "store it with: veriffs login --profile " + name}
	case err != nil:
		return "", &Error{Problem: "the keyring can't be used", Err: err, Hint: "is it unlocked? Without a desktop, keep the secret in a file: veriffs login --secret-store file --profile " + name}
	}
	return text, nil
}

// ToKeyring stores the secrets of a profile in the operating system's keyring.
func ToKeyring(name, secrets string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := keyring.Set(keyringService, name, secrets); err != nil {
		return noKeyring(err)
	}
	return nil
}

// trial is the name under which TryKeyring stores: no profile can have it.
const trial = "trial of veriffs login"

// TryKeyring returns an error unless the keyring can store a secret and delete it.
func TryKeyring() error {
	err := keyring.Set(keyringService, trial, trial)
	if err == nil {
		err = keyring.Delete(keyringService, trial)
	}
	if err != nil {
		return noKeyring(err)
	}
	return nil
}

func noKeyring(err error) error {
	return &Error{Problem: "the keyring can't be used", Err: err, Hint: "without a desktop, keep the secret in a file: --secret-store file"}
}

// SecretFile is where ToFile stores the secrets of a profile: beside the file
// of the profiles.
func SecretFile(path, name string) string { return filepath.Join(filepath.Dir(path), name+".secret") }

// ToFile stores the secrets of a profile in its SecretFile, for the user alone.
func ToFile(path, name, secrets string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return &Error{Problem: "can't store the secret", Err: err}
	}
	if err := renameio.WriteFile(SecretFile(path, name), []byte(secrets+"\n"), 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return &Error{Problem: "can't store the secret", Err: err}
	}
	return nil
}

// Discard removes the secrets that ToKeyring or ToFile stored for an old version
// of a profile. It returns where they were, "" if nowhere, and whether they are
// gone: a file stays if ToFile did not write it or another profile names it.
func Discard(path, name string, old Profile) (where string, gone bool, err error) {
	switch {
	case old.SecretKeyring:
		where, err = "the keyring", keyring.Delete(keyringService, name)
		if errors.Is(err, keyring.ErrNotFound) {
			return "", false, nil
		}
	case old.SecretFile != "":
		where = old.SecretFile
		ours := where == SecretFile(path, name)
		if ours {
			ours, err = onlyOf(path, name, where)
		}
		if err != nil || !ours {
			return where, false, err
		}
		if err = os.Remove(where); errors.Is(err, os.ErrNotExist) {
			return "", false, nil
		}
	}
	return where, where != "" && err == nil, err
}

// onlyOf reports whether no profile but name has its secrets in the file.
func onlyOf(path, name, file string) (bool, error) {
	text, err := read(path)
	if err != nil {
		return false, err
	}
	d, err := parse(path, text)
	if err != nil {
		return false, err
	}
	for other, p := range d.Profiles {
		if other != name && resolve(filepath.Dir(path), p.SecretFile) == file {
			return false, nil
		}
	}
	return true, nil
}
