package directory

import (
	"bytes"
	"errors"
)

// Probe does what a cache does: it makes, syncs, reads back and removes a file of
// size bytes.
func (d *Directory) Probe(size int64) error {
	f, temp, err := d.CreateTemp()
	if err != nil {
		return err
	}
	defer d.Remove(temp)
	defer f.Close()
	want, got := bytes.Repeat([]byte{0xa5}, int(size)), make([]byte, size)
	if _, err := f.WriteAt(want, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return errors.New("reads other bytes than were written")
	}
	_, err = d.Names(".")
	return err
}
