package sessionlist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"veriffs/veriff"
)

// ReadFile is Read for the file of that name, which must be a regular one.
func ReadFile(name string, bad func(line int, reason string)) ([]veriff.SessionID, error) {
	ids, _, err := readFile(context.Background(), name, bad)
	return ids, err
}

// readFile also returns the state of the file before it was read, so that a
// change during the read shows later.
func readFile(ctx context.Context, name string, bad func(line int, reason string)) ([]veriff.SessionID, os.FileInfo, error) {
	f, info, err := openRegular(name, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	ids, err := Read(contextReader{ctx, f}, bad)
	if err != nil {
		return nil, info, fmt.Errorf("sessionlist: %s: %w", name, err)
	}
	return ids, info, nil
}

// errNotRegular is returned for a directory, a device and the like.
var errNotRegular = errors.New("not a regular file")

// openRegular opens a regular file. It never waits, as opening a pipe would for
// the other end.
func openRegular(name string, flag int) (*os.File, os.FileInfo, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("sessionlist: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("sessionlist: %w", err)
	}
	return f, info, nil
}

// sameState reports whether a file is unchanged.
func sameState(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// maxLinks bounds the symbolic links that are followed, as the kernel does.
const maxLinks = 40

// follow returns the file that name leads to through symbolic links, whether it
// exists or not, and the directories in which a change may make it lead
// elsewhere. The nearest existing parent stands for a missing directory.
func follow(name string) (target string, dirs []string, err error) {
	if target, err = filepath.Abs(name); err != nil {
		return "", nil, fmt.Errorf("sessionlist: %w", err)
	}
	for range maxLinks {
		dir := filepath.Dir(target)
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
			target = filepath.Join(dir, filepath.Base(target))
		}
		dirs = append(dirs, nearest(dir))
		link, err := os.Readlink(target)
		if err != nil {
			return target, dirs, nil
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(dir, link)
		}
		target = link
	}
	return "", dirs, fmt.Errorf("sessionlist: %w", &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP})
}

func nearest(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
