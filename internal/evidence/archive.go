package evidence

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"veriffs/internal/exhibit"
)

// archive is a bag in a zip, which may be encrypted. It is written in one go, so
// that no plaintext of an encrypted one touches the disk; what an interrupted run
// has fetched is in the sealed cache.
type archive struct {
	dest string
	file *os.File
	seal io.Closer // nil: not encrypted
	zip  *zip.Writer
	root string // the one directory in it, as RFC 8493 asks
	at   time.Time
}

func newArchive(dest string, recipients []age.Recipient, at time.Time) (_ *archive, err error) {
	f, err := os.OpenFile(dest+unfinished, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := lock(f); err != nil {
		return nil, err
	}
	start := make([]byte, len(ageMagic))
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	// An interrupted run may have written less than a magic number.
	if start = start[:n]; !begins(start, ageMagic) && !begins(start, zipMagic) {
		return nil, errInTheWay(f.Name())
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	a := &archive{dest: dest, file: f, at: at.UTC()}
	a.root = filepath.Base(dest)
	for _, ending := range []string{ageSuffix, zipSuffix} {
		if hasSuffix(a.root, ending) {
			a.root = a.root[:len(a.root)-len(ending)]
		}
	}
	if checkPath(a.root) != nil { // it is the caller's own name for the file
		a.root = "bag"
	}
	var to io.Writer = f
	if len(recipients) > 0 {
		sealed, err := age.Encrypt(f, recipients...)
		if err != nil {
			return nil, err
		}
		to, a.seal = sealed, sealed
	}
	a.zip = zip.NewWriter(to)
	return a, nil
}

// zipMagic begins a zip with entries.
const zipMagic = "PK\x03\x04"

// begins reports whether a text begins with a magic number, or is the begin of it.
func begins(text []byte, magic string) bool {
	n := min(len(text), len(magic))
	return string(text[:n]) == magic[:n]
}

func (a *archive) create(name string) (io.WriteCloser, error) {
	// Stored, since media don't compress, and so that no release of Go changes the bytes.
	h := &zip.FileHeader{Name: path.Join(a.root, name), Method: zip.Store, Modified: a.at}
	h.SetMode(0o600)
	w, err := a.zip.CreateHeader(h)
	return &archived{w}, err
}

// archived is a file of an archive. The next one ends it.
type archived struct{ io.Writer }

func (*archived) Close() error { return nil }

func (*archive) kept(exhibit.Item, string) (io.ReadCloser, exhibit.Origin, bool) {
	return nil, exhibit.Origin{}, false
}

func (*archive) wrote(exhibit.Item, string, exhibit.Origin) error { return nil }

func (a *archive) finish() error {
	err := a.zip.Close()
	if a.seal != nil {
		err = errors.Join(err, a.seal.Close())
	}
	if err = errors.Join(err, a.file.Sync()); err != nil {
		return err
	}
	if _, err := os.Lstat(a.dest); err == nil {
		return ErrExists
	}
	if err := os.Rename(a.file.Name(), a.dest); err != nil {
		return err
	}
	a.file.Close()
	return syncDir(filepath.Dir(a.dest))
}

func (a *archive) abandon() {
	os.Remove(a.file.Name())
	a.file.Close()
}
