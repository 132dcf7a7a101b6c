package hold

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

const (
	// copySuffix ends the name of a record's second copy.
	copySuffix = ".copy"
	// maxRecord bounds what is read of a record, in bytes: 100,000 keys.
	maxRecord = 16 << 20
)

// Hold is a record.
type Hold struct {
	ID   seal.Key   // what the hold is called
	Keys []seal.Key // the objects that must not go, there or yet to come
	Text []byte     // what its owner says about it

	// Older is what records of its id say that other secrets sealed before this one,
	// the newest first: whoever wrote this one may not have had those secrets. Keys has
	// theirs. Write ignores it.
	Older [][]byte
}

// contents is how a record is written down.
type contents struct {
	Keys []seal.Key `json:"keys"`
	Text []byte     `json:"text"`
}

// Dir is where the records of a secret are, relative to the cache's directory.
func Dir(tag string) string { return tag + "/" + directory.HoldDir }

// Write makes sure that a hold is on the disk, in place of an older one of its id.
// After an error there may be the old one, the new one, or both.
func Write(d *directory.Directory, secrets []*seal.Secret, random io.Reader, h Hold, now time.Time) error {
	text, err := json.Marshal(contents{h.Keys, h.Text})
	if err != nil {
		return err
	}
	if len(text) > maxRecord {
		return fmt.Errorf("a record of %d bytes, more than %d", len(text), maxRecord)
	}
	for _, s := range secrets {
		sealed, err := sealRecord(s, random, h.ID, text, now)
		if err != nil {
			return err
		}
		if err := d.MkdirAll(Dir(s.Dir()), 0o700); err != nil {
			return err
		}
		name := s.Name(h.ID).String()
		for _, name := range []string{name + copySuffix, name} {
			if err := place(d, Dir(s.Dir())+"/"+name, sealed); err != nil {
				return err
			}
		}
		for _, dir := range []string{Dir(s.Dir()), s.Dir(), "."} {
			if err := d.Sync(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// sealRecord returns the whole file of a record.
func sealRecord(s *seal.Secret, random io.Reader, id seal.Key, text []byte, now time.Time) ([]byte, error) {
	file := make([]byte, seal.FileSize(int64(len(text))))
	w, err := seal.NewWriter(random, func(b *seal.Batch) {
		copy(file[b.Offset():], b.Bytes())
		b.Release()
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.Write(text)
	_, err = w.Finish(s, id, nil, now)
	return file, err
}

// place writes a file so that it is whole or as it was.
func place(d *directory.Directory, path string, sealed []byte) error {
	f, temp, err := d.CreateTemp()
	if err != nil {
		return err
	}
	_, err = f.Write(sealed)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = d.Rename(temp, path)
	}
	if err != nil {
		_ = d.Remove(temp) // or the next start does
	}
	return err
}

// Read returns the holds that the configured secrets have sealed, as they are in the
// newest of several copies. unreadable names the records of which no copy can be read.
func Read(d *directory.Directory, secrets []*seal.Secret) (all []Hold, unreadable []string, err error) {
	found := make(map[seal.Key]versions)
	var bad []string
	for _, s := range secrets {
		names, err := d.Names(Dir(s.Dir()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		for _, file := range names {
			if file == directory.FinderFile {
				continue
			}
			path := Dir(s.Dir()) + "/" + file
			h, stored, err := read(d, s, path)
			if err != nil {
				bad = append(bad, path)
				continue
			}
			found[h.ID] = found[h.ID].with(version{h, s, stored})
		}
	}
	good := make(map[string]bool) // names under which a hold is known, whatever becomes of the copies
	for id, v := range found {
		all = append(all, v.whole())
		for _, s := range secrets {
			good[Dir(s.Dir())+"/"+s.Name(id).String()] = true
		}
	}
	for _, path := range bad {
		if !good[strings.TrimSuffix(path, copySuffix)] {
			unreadable = append(unreadable, path)
		}
	}
	return all, unreadable, nil
}

// ReadOne returns the hold of an id as Read does, and false if no copy of its record is
// there. The error says that one is there and none can be read.
func ReadOne(d *directory.Directory, secrets []*seal.Secret, id seal.Key) (h Hold, found bool, err error) {
	var all versions
	for _, s := range secrets {
		name := Dir(s.Dir()) + "/" + s.Name(id).String()
		for _, path := range []string{name, name + copySuffix} {
			h, stored, failed := read(d, s, path)
			switch {
			case errors.Is(failed, fs.ErrNotExist):
			case failed != nil:
				err = failed
			default:
				all = all.with(version{h, s, stored})
			}
		}
	}
	if len(all) > 0 {
		return all.whole(), true, nil
	}
	return h, false, err
}

func read(d *directory.Directory, s *seal.Secret, path string) (h Hold, stored time.Time, err error) {
	n, ok := seal.ParseName(strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], copySuffix))
	if !ok {
		return h, stored, seal.ErrSeal
	}
	f, err := d.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // or a pipe of this name would block us
	if err != nil {
		return h, stored, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return h, stored, err
	}
	if !info.Mode().IsRegular() || info.Size() > 2*maxRecord {
		return h, stored, seal.ErrSeal
	}
	header, err := seal.ReadHeader(f, info.Size(), s, n)
	if err != nil {
		return h, stored, err
	}
	opened, err := header.Contents(f)
	if err != nil {
		return h, stored, err
	}
	text, err := io.ReadAll(io.NewSectionReader(opened, 0, opened.Size()))
	if err != nil {
		return h, stored, err
	}
	var c contents
	err = json.Unmarshal(text, &c)
	return Hold{ID: header.Key, Keys: c.Keys, Text: c.Text}, header.Stored, err
}

// Remove ends a hold. After an error it may be there still.
func Remove(d *directory.Directory, secrets []*seal.Secret, id seal.Key) (errs error) {
	var paths []string
	for _, s := range secrets {
		name := Dir(s.Dir()) + "/" + s.Name(id).String()
		paths = append(paths, name, name+copySuffix)
	}
	return RemoveFiles(d, paths)
}

// RemoveFiles removes records by their paths, as Read returns those that it could
// not read, with their copies.
func RemoveFiles(d *directory.Directory, paths []string) (errs error) {
	dirs := make(map[string]bool)
	for _, path := range paths {
		if err := d.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
		dirs[path[:strings.LastIndexByte(path, '/')]] = true
	}
	for dir := range dirs {
		if err := d.Sync(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
	}
	return errs
}

// Is reports whether a path that Read returned is that of a hold's record.
func Is(path string, s *seal.Secret, id seal.Key) bool {
	return strings.TrimSuffix(path, copySuffix) == Dir(s.Dir())+"/"+s.Name(id).String()
}

// Any reports whether there is a record in the directory of a secret, which need
// not be configured. If that can't be known, there is.
func Any(d *directory.Directory, tag string) bool {
	names, err := d.Names(Dir(tag))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, name := range names {
		if name != directory.FinderFile {
			return true
		}
	}
	return err != nil
}

// Size is what the records of a secret take on disk, in bytes.
func Size(d *directory.Directory, tag string) (bytes int64) {
	names, err := d.Names(Dir(tag))
	if err != nil {
		return 0
	}
	for _, name := range append(names, ".") {
		if n, err := d.Use(Dir(tag) + "/" + name); err == nil {
			bytes += n
		}
	}
	return bytes
}
