package evidence

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"veriffs/internal/evidence/bagpath"
	"veriffs/internal/evidence/sheet"
	"veriffs/internal/evidence/zipfile"
)

// Limits of a bag that is verified.
const (
	maxFiles = 1 << 20
	// maxGrowth is how many times its own size an archive may unpack to: ours grow by
	// nothing, and text by less than this.
	maxGrowth  = 100
	growthRoom = 1 << 20 // bytes that any archive may unpack to
)

// Errors of bags that can't be read at all.
var (
	ErrNoBag    = errors.New("not a BagIt bag: bagit.txt is missing")
	ErrIdentity = errors.New("it is encrypted, and no identity that opens it was given")
)

// contents are the files of a bag that are safe to read, and what is not.
type contents struct {
	files   map[string]file
	refused []Problem
	close   func() error

	same bagpath.Collisions
}

// file is a file of a bag.
type file struct {
	size int64 // bytes, as its directory says
	open func() (io.ReadCloser, error)
}

// openBag opens a directory, a zip, or an encrypted zip.
func openBag(name string, identities []age.Identity) (*contents, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	c := &contents{files: make(map[string]file), same: make(bagpath.Collisions)}
	if info.IsDir() {
		err = c.readFolder(name)
	} else {
		err = c.readArchive(name, identities)
	}
	if err == nil {
		if _, ok := c.files[bagitName]; !ok {
			err = ErrNoBag
		}
	}
	if err != nil {
		if c.close != nil {
			c.close()
		}
		return nil, fmt.Errorf("evidence: %s: %w", name, err)
	}
	return c, nil
}

// add lists a file, or says why it is not read.
func (c *contents) add(name string, mode fs.FileMode, f file) error {
	err := bagpath.Check(name)
	if err == nil && !mode.IsRegular() {
		err = fmt.Errorf("it is no regular file (%s)", mode.Type())
	}
	if err == nil {
		err = c.same.Add(name)
	}
	if _, twice := c.files[name]; err == nil && twice {
		err = errors.New("it is there twice")
	}
	if err != nil {
		c.refused = append(c.refused, Problem{Refused, sheet.Printable(name), err.Error()})
		return nil
	}
	if c.files[name] = f; len(c.files) > maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	return nil
}

func (c *contents) readFolder(name string) error {
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	c.close = root.Close
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return c.add(p, info.Mode(), file{info.Size(), func() (io.ReadCloser, error) {
			// What became a link or a pipe meanwhile is not followed and not waited for.
			return root.OpenFile(p, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		}})
	})
}

func (c *contents) readArchive(name string, identities []age.Identity) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	c.close = f.Close
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("neither a directory nor a regular file")
	}
	from, size := io.ReaderAt(f), info.Size()
	magic := make([]byte, len(ageMagic))
	if n, _ := f.ReadAt(magic, 0); bytes.Equal(magic[:n], []byte(ageMagic)) {
		if len(identities) == 0 {
			return ErrIdentity
		}
		from, size, err = age.DecryptReaderAt(f, size, identities...)
		if errors.As(err, new(*age.NoIdentityMatchError)) {
			return ErrIdentity
		}
		if err != nil {
			return err
		}
	}
	z, err := zip.NewReader(from, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("neither a directory nor a zip: %w", err)
	}
	if !zipfile.Whole(from, size) {
		c.refused = append(c.refused, Problem{Added, sheet.Printable(filepath.Base(name)), "there are bytes before or after the archive"})
	}
	return c.readZip(z, size)
}

// ageMagic begins a file that age encrypted.
const ageMagic = "age-encryption.org/"

func (c *contents) readZip(z *zip.Reader, size int64) error {
	var total uint64
	root := rootOf(z)
	for _, entry := range z.File {
		mode := entry.Mode()
		if mode.IsDir() && entry.UncompressedSize64 == 0 {
			continue
		}
		name, inside := strings.CutPrefix(entry.Name, root)
		if !inside {
			c.refused = append(c.refused, Problem{Refused, sheet.Printable(entry.Name), "it is not in the archive's one directory"})
			continue
		}
		total += min(entry.UncompressedSize64, 1<<62)
		if total > uint64(size)*maxGrowth+growthRoom {
			return fmt.Errorf("it would unpack to more than %d times its size", maxGrowth)
		}
		if err := c.add(name, mode, file{int64(min(entry.UncompressedSize64, 1<<62)), entry.Open}); err != nil {
			return err
		}
	}
	return nil
}

// rootOf returns the directory of an archive that has the bag, with a slash at its
// end; "" if the bag is at the top.
func rootOf(z *zip.Reader) string {
	for _, entry := range z.File {
		if dir, name := path.Split(entry.Name); name == bagitName && strings.Count(dir, "/") <= 1 {
			return dir
		}
	}
	return ""
}

// read returns a small file whole.
func (c *contents) read(name string, limit int64) ([]byte, error) {
	f, ok := c.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if f.size > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return text, err
}

// ReadIdentities reads a file of age identities.
func ReadIdentities(name string) ([]age.Identity, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("evidence: %s has no age identities: %w", name, err)
	}
	return ids, nil
}
