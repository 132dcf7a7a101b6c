package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"github.com/pelletier/go-toml/v2"
)

// lockInterval is the pause between two tries to take the lock.
const lockInterval = 20 * time.Millisecond

// CheckName returns an error unless name is valid for a profile.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return &Error{Problem: "a profile's name may have only letters, digits, - and _, at most 64", Hint: "for example: main"}
	}
	return nil
}

// Save writes a profile to the file at path, replacing an older one of the same
// name. All other lines stay as they are. It creates the file and its directory
// if need be, for the user alone. It waits for other processes that save, until
// ctx ends.
func Save(ctx context.Context, path, name string, p Profile) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	// Of the directory, because the file itself is replaced.
	lock := flock.New(filepath.Dir(path), flock.SetFlag(os.O_RDONLY))
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return fmt.Errorf("config: lock: %w", err)
	}
	defer lock.Close()

	text, err := read(path)
	if err != nil {
		return err
	}
	before, err := parse(path, text)
	if err != nil {
		return err
	}
	section, err := toml.Marshal(p)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if _, there := before.Profiles[name]; there {
		if text = without(text, name); text == nil {
			return byHand(path, name)
		}
	}
	text = bytes.TrimRight(text, "\n")
	if len(text) > 0 {
		text = append(text, "\n\n"...)
	}
	text = append(text, "[profiles."+name+"]\n"...)
	text = append(text, section...)

	// The edit must have done what it was meant to do, and nothing else.
	after, err := parse(path, text)
	if before.Profiles == nil {
		before.Profiles = make(map[string]Profile)
	}
	before.Profiles[name] = p
	if err != nil || !reflect.DeepEqual(before, after) {
		return byHand(path, name)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
	}
	if err := renameio.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

func byHand(path, name string) error {
	return &Error{
		Problem: fmt.Sprintf("can't safely replace the profile %q as it is written", name),
		Err:     errors.New("nothing was changed"),
		Hint:    "edit " + path + " by hand, or remove the profile from it first",
	}
}

var (
	header  = regexp.MustCompile(`(?m)^[ \t]*\[.*$`)
	comment = regexp.MustCompile(`(?m)(^[ \t]*(#.*)?\n)*\z`) // and empty lines, at the end
)

// without returns the text without the table of a profile, which ends before the
// next table and the comments above that. It returns nil if the profile is not
// written as a table.
func without(text []byte, name string) []byte {
	own := regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*profiles[ \t]*\.[ \t]*"?` + regexp.QuoteMeta(name) + `"?[ \t]*\][ \t]*(#.*)?$`)
	at := own.FindIndex(text)
	if at == nil {
		return nil
	}
	end := len(text)
	if next := header.FindIndex(text[at[1]:]); next != nil {
		end = at[1] + next[0]
		end = at[1] + comment.FindIndex(text[at[1]:end])[0]
	}
	return append(bytes.Clone(text[:at[0]]), text[end:]...)
}
