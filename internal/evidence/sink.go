package evidence

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"veriffs/internal/exhibit"
)

// sink is where a bag is written. It has the bag's name only once finish returned.
type sink interface {
	// create begins a file of the bag; closing it makes it last.
	create(path string) (io.WriteCloser, error)
	// kept returns an item that an earlier run has written to path.
	kept(i exhibit.Item, path string) (io.ReadCloser, exhibit.Origin, bool)
	// wrote says that an item was written whole.
	wrote(i exhibit.Item, path string, o exhibit.Origin) error
	// discard takes back what was written of an item that is not whole, or returns
	// ErrBrokeOff.
	discard(path string) error
	finish() error
	// abandon gives up. What a later run can use stays.
	abandon()
}

// Endings of destinations that are archives.
const (
	zipSuffix = ".zip"
	ageSuffix = ".zip.age"
)

// unfinished is added to a bag's name, for the workplace in which it is made.
const unfinished = ".unfinished"

// Errors of exports, each with a hint in the text of package command.
var (
	ErrSign         = errors.New("it can't be signed")
	ErrStamp        = errors.New("there is no time stamp")
	ErrExists       = errors.New("it exists already")
	ErrOtherRequest = errors.New("an unfinished export of another request is in its place")
	ErrNoDirectory  = errors.New("there is no such directory")
	ErrBusy         = errors.New("another process is exporting there")
	ErrInTheWay     = errors.New("is in the way: it is no unfinished export")
	ErrBrokeOff     = errors.New("it broke off, and can't be taken out of an archive again")
)

// CheckDestination refuses, before any work, a destination that can't be written.
func CheckDestination(dest string, encrypted bool) error {
	switch {
	case encrypted != hasSuffix(dest, ageSuffix):
		if encrypted {
			return fmt.Errorf("evidence: an encrypted export is a file whose name ends in %s", ageSuffix)
		}
		return fmt.Errorf("evidence: a name that ends in %s needs a recipient to encrypt to", ageSuffix)
	case filepath.Base(dest) == "." || filepath.Base(dest) == string(filepath.Separator):
		return fmt.Errorf("evidence: %s is no name for a bag", dest)
	}
	if _, err := os.Lstat(dest); err == nil {
		return fmt.Errorf("evidence: %s: %w", dest, ErrExists)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// None is made: where a share is not mounted or its name is mistyped, plain documents
	// would come to lie where nobody looks for them.
	if info, err := os.Stat(filepath.Dir(dest)); err != nil || !info.IsDir() {
		return fmt.Errorf("evidence: %s: %w", filepath.Dir(dest), ErrNoDirectory)
	}
	return nil
}

// hasSuffix reports whether a name has an ending, in capitals or not.
func hasSuffix(name, ending string) bool {
	return len(name) >= len(ending) && strings.EqualFold(name[len(name)-len(ending):], ending)
}

// CheckTime refuses a time that a zip can't have: one before 1980 or after 2107.
func CheckTime(t time.Time) error {
	if y := t.UTC().Year(); y < 1980 || y > 2107 {
		return fmt.Errorf("evidence: the year %d can't be written to an archive: give one from 1980 to 2107", y)
	}
	return nil
}

// newSink opens a destination. request tells one request from another.
func newSink(dest string, request []byte, recipients []age.Recipient, at time.Time) (sink, error) {
	if err := CheckDestination(dest, len(recipients) > 0); err != nil {
		return nil, err
	}
	if err := CheckTime(at); err != nil {
		return nil, err
	}
	if hasSuffix(dest, zipSuffix) || hasSuffix(dest, ageSuffix) {
		return newArchive(dest, request, recipients, at)
	}
	return newFolder(dest, request)
}

// lock takes hold of an unfinished bag by a file of it, which must still be there
// under its name: another process may just have finished it.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("evidence: %s: %w", f.Name(), ErrBusy)
	}
	if err != nil {
		return err
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Lstat(f.Name()); err != nil || !os.SameFile(mine, there) {
		return fmt.Errorf("evidence: %s: %w", f.Name(), ErrBusy)
	}
	return nil
}

// syncDir makes what was created or renamed in a directory last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// nowhere takes everything and keeps nothing, for a contact sheet alone.
type nowhere struct{}

func (nowhere) create(string) (io.WriteCloser, error) { return nowhere{}, nil }
func (nowhere) Write(p []byte) (int, error)           { return len(p), nil }
func (nowhere) Close() error                          { return nil }
func (nowhere) kept(exhibit.Item, string) (io.ReadCloser, exhibit.Origin, bool) {
	return nil, exhibit.Origin{}, false
}
func (nowhere) wrote(exhibit.Item, string, exhibit.Origin) error { return nil }
func (nowhere) discard(string) error                             { return nil }
func (nowhere) finish() error                                    { return nil }
func (nowhere) abandon()                                         {}
