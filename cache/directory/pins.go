package directory

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// PinDir is the directory of the secret's pins, relative to the cache's directory. A
// pin is an empty file with the name of its object.
func (s SecretDir) PinDir() string { return s.tag + "/" + PinDir }

// Pin makes a pin.
func (s SecretDir) Pin(name string) error {
	if err := s.d.MkdirAll(s.PinDir(), 0o700); err != nil {
		return err
	}
	f, err := s.d.OpenFile(s.PinDir()+"/"+name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Unpin removes pins, and syncs their directory even if they are gone: the sync may
// have failed the last time.
func (s SecretDir) Unpin(names ...string) (errs error) {
	for _, name := range names {
		if err := s.d.Remove(s.PinDir() + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	if err := s.d.Sync(s.PinDir()); !errors.Is(err, fs.ErrNotExist) {
		errs = errors.Join(errs, err)
	}
	return errs
}

// Pins lists the pins, and whatever else lies among them.
func (s SecretDir) Pins() ([]string, error) {
	names, err := s.d.Names(s.PinDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == FinderFile }), err
}
