package directory

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// PinsOf is the directory of the pins of the secret with this tag. A pin is an empty
// file with the name of its object.
func PinsOf(tag string) string { return tag + "/" + PinDir }

// Pin makes a pin.
func (d *Directory) Pin(tag, name string) error {
	if err := d.MkdirAll(PinsOf(tag), 0o700); err != nil {
		return err
	}
	f, err := d.OpenFile(PinsOf(tag)+"/"+name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Unpin removes pins, and syncs their directory even if they are gone: the sync may
// have failed the last time.
func (d *Directory) Unpin(tag string, names ...string) (errs error) {
	for _, name := range names {
		if err := d.Remove(PinsOf(tag) + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	if err := d.Sync(PinsOf(tag)); !errors.Is(err, fs.ErrNotExist) {
		errs = errors.Join(errs, err)
	}
	return errs
}

// Pins lists the pins, and whatever else lies among them.
func (d *Directory) Pins(tag string) ([]string, error) {
	names, err := d.Names(PinsOf(tag))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == FinderFile }), err
}
