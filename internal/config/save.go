package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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
	return edit(ctx, path, name, &p)
}

// Remove removes a profile from the file at path, as Save writes one. The error wraps
// ErrNoProfile if there is no such profile.
func Remove(ctx context.Context, path, name string) error { return edit(ctx, path, name, nil) }

// edit puts a profile in the place of the one that has its name, or removes that one if
// p is nil.
func edit(ctx context.Context, path, name string, p *Profile) error {
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
	if _, there := before.Profiles[name]; there {
		if text = without(text, name); text == nil {
			return byHand(path, name)
		}
	} else if p == nil {
		return noProfile(path, name, before)
	}
	if p != nil {
		if text, err = with(text, name, *p); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	if !changed(path, text, before, name, p) {
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

// changed reports whether an edit does what it is meant to do, and nothing else.
func changed(path string, text []byte, before document, name string, p *Profile) bool {
	after, err := parse(path, text)
	want := maps.Clone(before.Profiles)
	if want == nil {
		want = make(map[string]Profile)
	}
	delete(want, name)
	if p != nil {
		want[name] = *p
	}
	return err == nil && (len(want) == 0 && len(after.Profiles) == 0 || reflect.DeepEqual(want, after.Profiles))
}

// with returns the text with a table for a profile at its end.
func with(text []byte, name string, p Profile) ([]byte, error) {
	section, err := toml.Marshal(p)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimRight(text, "\n")
	if len(text) > 0 {
		text = append(text, "\n\n"...)
	}
	text = append(text, "[profiles."+name+"]\n"...)
	return append(text, section...), nil
}

func byHand(path, name string) error {
	return &Error{
		Problem: fmt.Sprintf("can't safely replace or remove the profile %q as it is written", name),
		Err:     errors.New("nothing was changed"),
		Hint:    "edit " + path + " by hand",
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
