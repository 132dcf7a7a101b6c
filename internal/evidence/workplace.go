package evidence

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// workplace is the directory beside a destination in which a bag is made. It has the
// bag and a journal, whose first line is the request. Who has locked the journal works
// there, and touches nothing that another program or a person has put there.
type workplace struct {
	dest    string
	dir     string // dest.unfinished
	journal *os.File
}

// Names in a workplace.
const (
	journalName = "journal"
	bagName     = "bag"
)

// journalStart begins each journal.
const journalStart = `{"Format":"` + recordFormat + `"`

// openWorkplace makes a workplace, or takes over what an interrupted run has left: its
// journal is that of the same or of another request then.
func openWorkplace(dest string, request []byte) (_ *workplace, err error) {
	w := &workplace{dest: dest, dir: dest + unfinished}
	if !ours(w.dir) {
		return nil, errInTheWay(w.dir)
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, err
	}
	w.journal, err = os.OpenFile(filepath.Join(w.dir, journalName), os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err = lock(w.journal); err == nil {
		err = w.begin(request)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// begin writes the request, unless the journal has one.
func (w *workplace) begin(request []byte) error {
	first, err := bufio.NewReader(w.journal).ReadBytes('\n')
	if !begins(first, journalStart) || err != nil && !isEmpty(w.bag()) {
		return errInTheWay(w.dir)
	}
	if err == nil {
		return nil
	}
	if err := w.journal.Truncate(0); err != nil { // it was torn
		return err
	}
	_, err = w.journal.Write(append(request, '\n'))
	return err
}

// begins reports whether a text begins with a magic number, or is the begin of it.
func begins(text []byte, magic string) bool {
	n := min(len(text), len(magic))
	return string(text[:n]) == magic[:n]
}

// ours reports whether a working directory is not there yet, or has nothing that
// another program or a person has put at its top.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if !info.IsDir() {
		return false
	}
	entries, err := os.ReadDir(dir)
	journal := false
	for _, e := range entries {
		journal = journal || e.Name() == journalName
		if e.Name() != journalName && e.Name() != bagName {
			return false
		}
	}
	return err == nil && (journal || isEmpty(filepath.Join(dir, bagName)))
}

// isEmpty reports whether a directory has no entries, or is not there.
func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist))
}

// errInTheWay says that what has the name of an unfinished bag is none of ours. It is
// left alone.
func errInTheWay(name string) error { return fmt.Errorf("evidence: %s %w", name, ErrInTheWay) }

// bag is where the bag is made.
func (w *workplace) bag() string { return filepath.Join(w.dir, bagName) }

// finish gives the bag its name, and leaves nothing else.
func (w *workplace) finish() error {
	if _, err := os.Lstat(w.dest); err == nil {
		return ErrExists
	}
	if err := os.Rename(w.bag(), w.dest); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(w.dest)); err != nil {
		return err
	}
	defer w.close() // later, or another process could lock a journal that is about to go
	return w.remove()
}

// remove removes the journal and the directory, unless somebody has put something there.
func (w *workplace) remove() error {
	err := os.Remove(filepath.Join(w.dir, journalName))
	_ = os.Remove(w.dir)
	return err
}

func (w *workplace) close() { w.journal.Close() }
