// Package folder is a bucket in a directory that several machines share, for example
// over NFS or SMB.
//
// An object is a file of its name. It is written under a temporary name, below tmp/,
// and linked to its own once it is whole; a link never replaces a file, so the first of
// several writers wins. Where the file system has no hard links the file is renamed,
// and the last wins. Files and directories are as open to others as the directory
// itself is.
//
// The server decides what a power cut leaves: a file may be empty or cut then, which
// its readers find out. Removing is synced.
//
// A [Folder] holds no lock and opens its directory once. A file system that hangs makes
// its methods hang, whatever their contexts say.
package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"syscall"
	"time"

	"veriffs/internal/bucket"
)

const (
	// tempDir holds files that are being written.
	tempDir = "tmp"
	// tempAge is for how long nothing was written to a file in tempDir when its writer must
	// have ended. One that has not finds it gone, and begins anew.
	tempAge = time.Hour
	// copyStep is after how many bytes a write looks whether it should go on.
	copyStep = 1 << 20
)

// tempName is what crypto/rand.Text returns.
var tempName = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// Folder is a bucket in a directory.
type Folder struct {
	root *os.Root
	path string
	mode fs.FileMode // of the directory: permissions, and whether its group is handed on
}

var _ bucket.Bucket = (*Folder)(nil)

// Open opens a directory as a bucket; it must be there.
//
// Errors: bucket.ErrNoBucket, bucket.ErrDenied.
func Open(dir string) (*Folder, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, missing(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, missing(err)
	}
	return &Folder{root: root, path: dir, mode: info.Mode() & (fs.ModePerm | fs.ModeSetgid)}, nil
}

// missing is what an error about the directory itself means.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", bucket.ErrNoBucket, err)
	}
	return meaning(err)
}

// meaning is what an error about a file means.
func meaning(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", bucket.ErrNotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", bucket.ErrDenied, err)
	}
	return err
}

// Close closes the directory. What was opened can be read on.
func (f *Folder) Close() error { return f.root.Close() }

func (f *Folder) String() string { return "file://" + f.path }

// Check implements [bucket.Bucket]. It also removes what writers left that were
// killed.
func (f *Folder) Check(context.Context) error {
	if err := f.there(); err != nil {
		return err
	}
	if _, err := fs.ReadDir(f.root.FS(), "."); err != nil {
		return missing(err)
	}
	f.removeTemps()
	return nil
}

// there makes sure that the path still leads to the directory that is open: one that
// was removed looks empty.
func (f *Folder) there() error {
	named, err := os.Stat(f.path)
	if err != nil {
		return missing(err)
	}
	opened, err := f.root.Stat(".")
	if err == nil && !os.SameFile(named, opened) {
		err = fmt.Errorf("%s was replaced", f.path)
	}
	return err
}

// removeTemps removes old temporary files, and nothing else that lies among them: the
// directory may be the wrong one. Failing does no harm: they are no objects.
func (f *Folder) removeTemps() {
	temps, _ := fs.ReadDir(f.root.FS(), tempDir)
	for _, temp := range temps {
		if !tempName.MatchString(temp.Name()) {
			continue
		}
		if info, err := temp.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > tempAge {
			_ = f.root.Remove(path.Join(tempDir, temp.Name()))
		}
	}
}

// Get implements [bucket.Bucket].
func (f *Folder) Get(_ context.Context, name string) (io.ReadCloser, int64, error) {
	file, info, err := f.open(name)
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (f *Folder) open(name string) (*os.File, fs.FileInfo, error) {
	// Opening a pipe would wait for its other end.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, meaning(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// Head implements [bucket.Bucket].
func (f *Folder) Head(_ context.Context, o bucket.Info, n int64) ([]byte, error) {
	file, _, err := f.open(o.Name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, n))
}

// Stat implements [bucket.Bucket].
func (f *Folder) Stat(_ context.Context, name string) (bucket.Info, error) {
	info, err := f.root.Lstat(name)
	if err != nil {
		return bucket.Info{}, meaning(err)
	}
	return bucket.Info{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Put implements [bucket.Bucket].
func (f *Folder) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if _, err := f.root.Lstat(name); err == nil { // nothing need be written to learn it
		return fmt.Errorf("%w: %s", bucket.ErrExists, name)
	}
	return f.put(ctx, name, body, f.place)
}

// Replace implements [bucket.Bucket].
func (f *Folder) Replace(ctx context.Context, name string, body io.ReadSeeker) error {
	return f.put(ctx, name, body, f.root.Rename)
}

// put writes a temporary file and has it placed under its name.
func (f *Folder) put(ctx context.Context, name string, body io.Reader, place func(temp, name string) error) error {
	for _, dir := range []string{tempDir, path.Dir(name)} {
		if err := f.makeDir(dir); err != nil {
			return meaning(err)
		}
	}
	temp := path.Join(tempDir, rand.Text())
	err := f.write(ctx, temp, body)
	if err == nil {
		err = place(temp, name)
	}
	if gone := f.root.Remove(temp); err == nil && gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = gone
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", bucket.ErrExists, name)
	}
	return denied(err)
}

// denied is meaning, for what can't be missing.
func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return meaning(err)
	}
	return err
}

// makeDir makes a directory, with those above it, as open as the bucket's own.
func (f *Folder) makeDir(dir string) error {
	if _, err := f.root.Stat(dir); err == nil {
		return nil
	}
	for i, c := range dir + "/" {
		if c != '/' {
			continue
		}
		switch err := f.root.Mkdir(dir[:i], f.mode.Perm()); {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return err
		default: // the process may take permissions away from what it makes
			if err := f.root.Chmod(dir[:i], f.mode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) write(ctx context.Context, temp string, body io.Reader) error {
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode&0o666)
	if err != nil {
		return err
	}
	for err == nil {
		if _, err = io.CopyN(file, body, copyStep); err == nil {
			err = ctx.Err()
		}
	}
	if err == io.EOF {
		err = file.Chmod(f.mode & 0o666)
	}
	return errors.Join(err, file.Close())
}

// place gives a whole file its name, unless there is one of that name.
func (f *Folder) place(temp, name string) error {
	err := f.root.Link(temp, name)
	for _, unsupported := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EMLINK} {
		if errors.Is(err, unsupported) {
			return f.rename(temp, name)
		}
	}
	return err
}

// rename is place without hard links: of two at the same moment the last wins.
func (f *Folder) rename(temp, name string) error {
	if _, err := f.root.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return f.root.Rename(temp, name)
}

// Remove implements [bucket.Bucket]. The removal lasts through a power cut.
func (f *Folder) Remove(_ context.Context, name string) (versions int, err error) {
	switch err := f.root.Remove(name); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, denied(err)
	}
	dir, err := f.root.Open(path.Dir(name))
	if err != nil {
		return 1, err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // not every network file system can
		return 1, err
	}
	return 1, nil
}

// Drop implements [bucket.Bucket].
func (f *Folder) Drop(_ context.Context, name string) error {
	if err := f.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return denied(err)
	}
	return nil
}

// hidden reports whether a file is none of the bucket's objects.
func hidden(name string) bool { return name == tempDir || strings.HasPrefix(name, tempDir+"/") }
