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

// lockInterval is how often a lock is tried that another process holds.
const lockInterval = 20 * time.Millisecond

// CheckName returns an error unless a profile can have this name.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return &Error{Problem: "a profile's name is made of letters, digits, - and _, not this", Hint: "for example: main"}
	}
	return nil
}

// Save writes the profile of that name to the file at path, in place of an
// older one of that name. All other lines stay as they are. The file and its
// directory are made if need be, for the user alone. It waits until ctx ends
// for another process that saves.
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

	// What the edit was meant to do is what it has to have done.
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
		Problem: fmt.Sprintf("the profile %q is written in a way that can't be replaced safely", name),
		Err:     errors.New("nothing was changed"),
		Hint:    "edit " + path + " by hand, or remove the profile from it first",
	}
}

var (
	header  = regexp.MustCompile(`(?m)^[ \t]*\[.*$`)
	comment = regexp.MustCompile(`(?m)(^[ \t]*(#.*)?\n)*\z`) // and empty lines, at the end
)

// without returns the text without the table of a profile, up to the next
// table and what comments on that; nil if this is not how the profile is
// written.
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
