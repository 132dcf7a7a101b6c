package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"veriffs/internal/exhibit"
)

// folder is a bag in a directory. The journal of its workplace has the items that are
// whole: a later run of the same request need not fetch those again.
type folder struct {
	*workplace
	root   *os.Root
	before map[exhibit.Item]journalLine
	files  map[string]bool // of this run
}

// journalLine says that an item was written whole.
type journalLine struct {
	Item   exhibit.Item   `json:"item"`
	Path   string         `json:"path"`
	Origin exhibit.Origin `json:"origin"`
}

func newFolder(dest string, request []byte) (_ *folder, err error) {
	f := &folder{before: make(map[exhibit.Item]journalLine), files: make(map[string]bool)}
	if f.workplace, err = openWorkplace(dest, request); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.abandon()
		}
	}()
	if err := f.readJournal(request); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.bag(), 0o700); err != nil {
		return nil, err
	}
	f.root, err = os.OpenRoot(f.bag())
	return f, err
}

// readJournal reads what an earlier run did. Its last line may be torn.
func (f *folder) readJournal(request []byte) error {
	if _, err := f.journal.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(f.journal)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimSpace(first), request) {
		return fmt.Errorf("evidence: %s: %w", f.dir, ErrOtherRequest)
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

// kept returns media alone: a document may be a newer one by now, and costs little.
func (f *folder) kept(i exhibit.Item, path string) (io.ReadCloser, exhibit.Origin, bool) {
	l, ok := f.before[keyOf(i)]
	if !ok || l.Path != path || i.Kind != exhibit.Media {
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

func (f *folder) discard(path string) error {
	delete(f.files, path) // finish removes what is there
	return nil
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
		if err := syncDir(filepath.Join(f.bag(), dirs[i])); err != nil {
			return err
		}
	}
	f.root.Close()
	return f.workplace.finish()
}

func (f *folder) abandon() {
	if f.root != nil {
		f.root.Close()
	}
	f.close()
}
