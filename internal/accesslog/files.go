package accesslog

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// digits of the first sequence number in the name of a rotated file.
const digits = 12

// files are the names of a log's files.
type files struct{ base string } // absolute

func (f files) tree() string       { return f.base + ".tree" }
func (f files) checkpoint() string { return f.base + ".checkpoint" }
func (f files) lock() string       { return f.base + ".lock" }

func (f files) rotated(first int64) string {
	return fmt.Sprintf("%s.%0*d", f.base, digits, first)
}

// rotatedFile is a file that is no longer written to.
type rotatedFile struct {
	path  string
	first int64 // sequence number, by its name
}

// rotatedFiles returns the rotated files, oldest first.
func (f files) rotatedFiles() ([]rotatedFile, error) {
	entries, err := os.ReadDir(filepath.Dir(f.base))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []rotatedFile
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(f.base)+".")
		if first, err := strconv.ParseInt(number, 10, 64); ok && err == nil && len(number) >= digits && first >= 0 {
			all = append(all, rotatedFile{filepath.Join(filepath.Dir(f.base), e.Name()), first})
		}
	}
	slices.SortFunc(all, func(a, b rotatedFile) int { return int(a.first - b.first) })
	return all, nil
}

// movedFiles returns other files whose names begin like the current one's, such as
// logrotate makes: access.log.1, access.log-20261127.
func (f files) movedFiles() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(f.base))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(f.base))
		if !ok || suffix == "" || !strings.ContainsRune(".-", rune(suffix[0])) || !e.Type().IsRegular() {
			continue
		}
		switch suffix = suffix[1:]; suffix {
		case "tree", "checkpoint", "lock":
			continue
		}
		number, err := strconv.ParseInt(suffix, 10, 64)
		ours := err == nil && number >= 0 && len(suffix) >= digits
		if !ours && !strings.HasSuffix(suffix, ".new") && !strings.HasSuffix(suffix, ".gz") {
			all = append(all, filepath.Join(filepath.Dir(f.base), e.Name()))
		}
	}
	return all, nil
}

// oldFiles returns all files of the log but the current one: rotated and moved.
func (f files) oldFiles() ([]string, error) {
	paths, err := f.movedFiles()
	rotated, rotatedErr := f.rotatedFiles()
	for _, r := range rotated {
		paths = append(paths, r.path)
	}
	return paths, errors.Join(err, rotatedErr)
}

// errLocked says that another process holds the lock for too long.
var errLocked = errors.New("another process holds its lock")

// lock takes the lock of the log, and waits for it at most patience.
func (f files) takeLock(d disk, patience time.Duration) (*os.File, error) {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		file, err := d.open(f.lock())
		if err != nil {
			return nil, err
		}
		if ok, err := f.tryLock(file); ok {
			return file, nil
		} else if err != nil {
			file.Close()
			return nil, err
		}
		file.Close()
		if time.Now().After(deadline) {
			return nil, errLocked
		}
		time.Sleep(pause)
	}
}

// tryLock reports whether the lock was taken, on the file that has its name now.
func (f files) tryLock(file *os.File) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	own, _, err := identify(file)
	if err != nil {
		return false, err
	}
	named, _, err := identifyPath(f.lock())
	return err == nil && own == named, err
}
