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

	"veriffs/internal/evidence/bagpath"
	"veriffs/internal/exhibit"
)

// archive is a bag in a zip, which may be encrypted. It is written in one go, so
// that no plaintext of an encrypted one touches the disk; what an interrupted run
// has fetched is in the sealed cache.
type archive struct {
	*workplace
	file *os.File
	seal io.Closer // nil: not encrypted
	zip  *zip.Writer
	root string // the one directory in it, as RFC 8493 asks
	last string // the path of the newest file
	at   time.Time
}

func newArchive(dest string, request []byte, recipients []age.Recipient, at time.Time) (_ *archive, err error) {
	a := &archive{at: at.UTC()}
	if a.workplace, err = openWorkplace(dest, request); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.abandon()
		}
	}()
	a.file, err = os.OpenFile(a.bag(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	a.root = filepath.Base(dest)
	for _, ending := range []string{ageSuffix, zipSuffix} {
		if hasSuffix(a.root, ending) {
			a.root = a.root[:len(a.root)-len(ending)]
		}
	}
	if bagpath.Check(a.root) != nil { // it is the caller's own name for the file
		a.root = "bag"
	}
	var to io.Writer = a.file
	if len(recipients) > 0 {
		sealed, err := age.Encrypt(a.file, recipients...)
		if err != nil {
			return nil, err
		}
		to, a.seal = sealed, sealed
	}
	a.zip = zip.NewWriter(to)
	return a, nil
}

func (a *archive) create(name string) (io.WriteCloser, error) {
	// Stored, since media don't compress, and so that no release of Go changes the bytes.
	h := &zip.FileHeader{Name: path.Join(a.root, name), Method: zip.Store, Modified: a.at}
	h.SetMode(0o600)
	w, err := a.zip.CreateHeader(h)
	a.last = name
	return &archived{w}, err
}

// archived is a file of an archive. The next one ends it.
type archived struct{ io.Writer }

func (*archived) Close() error { return nil }

func (*archive) kept(exhibit.Item, string) (io.ReadCloser, exhibit.Origin, bool) {
	return nil, exhibit.Origin{}, false
}

func (*archive) wrote(exhibit.Item, string, exhibit.Origin) error { return nil }

func (a *archive) discard(path string) error {
	if a.last == path {
		return ErrBrokeOff
	}
	return nil
}

func (a *archive) finish() error {
	err := a.zip.Close()
	if a.seal != nil {
		err = errors.Join(err, a.seal.Close())
	}
	if err = errors.Join(err, a.file.Sync(), a.file.Close()); err != nil {
		return err
	}
	return a.workplace.finish()
}

func (a *archive) abandon() {
	if a.file != nil {
		a.file.Close()
	}
	// Nothing of it is of use to a later run. It is removed while the journal is locked.
	_ = os.Remove(a.bag())
	_ = a.remove()
	a.close()
}
