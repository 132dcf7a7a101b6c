package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"veriffs/internal/exhibit"
)

// folder is a bag in a directory. Until it is finished it lies in another one
// beside it, with a journal of the items that are whole: a later run of the same
// request need not fetch those again.
type folder struct {
	dest    string
	work    string // dest.unfinished
	root    *os.Root
	journal *os.File
	before  map[exhibit.Item]journalLine
	files   map[string]bool // of this run
}

// Names in the working directory.
const (
	journalName = "journal"
	bagName     = "bag"
)

// journalLine says that an item was written whole.
type journalLine struct {
	Item   exhibit.Item   `json:"item"`
	Path   string         `json:"path"`
	Origin exhibit.Origin `json:"origin"`
}

func newFolder(dest string, request []byte) (_ *folder, err error) {
	f := &folder{dest: dest, work: dest + unfinished, before: make(map[exhibit.Item]journalLine), files: make(map[string]bool)}
	defer func() {
		if err != nil {
			f.abandon()
		}
	}()
	if !ours(f.work) {
		return nil, errInTheWay(f.work)
	}
	bag := filepath.Join(f.work, bagName)
	if err := os.MkdirAll(bag, 0o700); err != nil {
		return nil, err
	}
	f.journal, err = os.OpenFile(filepath.Join(f.work, journalName), os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f.journal); err != nil {
		return nil, err
	}
	if f.root, err = os.OpenRoot(bag); err != nil {
		return nil, err
	}
	return f, f.readJournal(request)
}

// journalStart begins each journal.
const journalStart = `{"Format":"` + recordFormat + `"`

// ours reports whether a working directory is not there yet, or has nothing that
// another program or a person has put at its top.
func ours(work string) bool {
	info, err := os.Lstat(work)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if !info.IsDir() {
		return false
	}
	entries, err := os.ReadDir(work)
	journal := false
	for _, e := range entries {
		journal = journal || e.Name() == journalName
		if e.Name() != journalName && e.Name() != bagName {
			return false
		}
	}
	return err == nil && (journal || isEmpty(filepath.Join(work, bagName)))
}

// isEmpty reports whether a directory has no entries, or is not there.
func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist))
}

// readJournal reads what an earlier run did. Its last line may be torn.
func (f *folder) readJournal(request []byte) error {
	lines := bufio.NewReader(f.journal)
	first, err := lines.ReadBytes('\n')
	if !begins(first, journalStart) || err != nil && !isEmpty(filepath.Join(f.work, bagName)) {
		return errInTheWay(f.work)
	}
	if err != nil { // none, or torn
		if err := f.journal.Truncate(0); err != nil {
			return err
		}
		_, err := f.journal.Write(append(request, '\n'))
		return err
	}
	if !bytes.Equal(bytes.TrimSpace(first), request) {
		return fmt.Errorf("evidence: %s: %w", f.work, ErrOtherRequest)
	}
	whole := int64(len(first))
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return f.journal.Truncate(whole)
		}
		whole += int64(len(line))
		var l journalLine
		if json.Unmarshal(line, &l) == nil {
			f.before[keyOf(l.Item)] = l
		}
	}
}

// keyOf is an item without what may become known later.
func keyOf(i exhibit.Item) exhibit.Item {
	i.Listed = 0
	return i
}

func (f *folder) create(path string) (io.WriteCloser, error) {
	if err := f.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f.files[path] = true
	file, err := f.root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &lasting{file}, nil
}

// lasting is a file that is on the disk once it is closed.
type lasting struct{ *os.File }

func (l *lasting) Close() error {
	if err := l.Sync(); err != nil {
		l.File.Close()
		return err
	}
	return l.File.Close()
}

func (f *folder) kept(i exhibit.Item, path string) (io.ReadCloser, exhibit.Origin, bool) {
	l, ok := f.before[keyOf(i)]
	if !ok || l.Path != path {
		return nil, exhibit.Origin{}, false
	}
	file, err := f.root.Open(path)
	if err != nil {
		return nil, exhibit.Origin{}, false
	}
	f.files[path] = true
	return file, l.Origin, true
}

func (f *folder) wrote(i exhibit.Item, path string, o exhibit.Origin) error {
	line, err := json.Marshal(journalLine{i, path, o})
	if err != nil {
		return err
	}
	_, err = f.journal.Write(append(line, '\n'))
	return err
}

func (f *folder) finish() error {
	var dirs []string
	err := fs.WalkDir(f.root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		case f.files[path]:
			return nil
		}
		return f.root.Remove(path) // of an earlier run, and not asked for any more
	})
	if err != nil {
		return err
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if f.root.Remove(dirs[i]) == nil {
			continue // it was empty
		}
		if err := syncDir(filepath.Join(f.work, bagName, dirs[i])); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(f.dest); err == nil {
		return ErrExists
	}
	if err := os.Rename(filepath.Join(f.work, bagName), f.dest); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(f.dest)); err != nil {
		return err
	}
	f.abandon()
	if err := os.Remove(filepath.Join(f.work, journalName)); err != nil {
		return err
	}
	os.Remove(f.work) // unless somebody has put something there
	return nil
}

func (f *folder) abandon() {
	if f.root != nil {
		f.root.Close()
	}
	if f.journal != nil {
		f.journal.Close()
	}
}
