package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What Open refuses, for errors.Is. Each comes wrapped in an *OpenError.
var (
	ErrLocked      = errors.New("in use by another process")
	ErrOwner       = errors.New("owned by another user")
	ErrPermissions = errors.New("accessible to others")
	ErrSymlink     = errors.New("a symbolic link or not a directory")
	ErrNewer       = errors.New("written by a newer version of the program")
	ErrForeign     = errors.New("not empty and not a cache")
	ErrKind        = errors.New("a cache of the other kind of key")
)

// OpenError says why a directory can't be used as a cache, and what to do.
type OpenError struct {
	Dir  string // the directory, or what is wrong inside it
	Err  error  // one of the errors above, or the system's
	Hint string // a sentence for the user, "" if there is nothing to advise
	PID  int    // with ErrLocked: the process that holds the lock, 0 if unknown
}

func (e *OpenError) Error() string {
	if e.PID != 0 {
		return fmt.Sprintf("cache: %s: %v (pid %d)", e.Dir, e.Err, e.PID)
	}
	return fmt.Sprintf("cache: %s: %v", e.Dir, e.Err)
}

func (e *OpenError) Unwrap() error { return e.Err }

// The files beside the objects.
const (
	formatFile = "format"
	formatLine = "veriffs cache 1\n"
	// Older programs refuse a directory with this one, as they should: they
	// would leave in it what an ephemeral cache erases.
	ephemeralLine = "veriffs cache 1 ephemeral\n"
	lockFile      = "lock"
	tagFile       = "CACHEDIR.TAG"
	tagLine       = "Signature: 8a477f597d28d172789f06886806bc55\n# Sealed copies kept by veriffs; safe to delete while it is not running.\n"
	spotlight     = ".metadata_never_index"
	finderFile    = ".DS_Store" // which the Finder leaves wherever it was
	tempDir       = "tmp"
)

func formatOf(ephemeral bool) string {
	if ephemeral {
		return ephemeralLine
	}
	return formatLine
}

// directory is a cache's directory, opened once: every path below it is
// resolved from the open descriptor, so that nobody can swap it later.
type directory struct {
	path   string
	format string // the contents of the format file
	root   *os.Root
	self   *os.File // the same directory
	lock   *os.File
	made   time.Time // when the cache was made
}

// openDirectory makes or opens path as a cache's directory and locks it.
func openDirectory(path, format string) (_ *directory, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, &OpenError{Dir: path, Err: err}
	}
	refuse := func(name string, err error, hint string) error {
		return &OpenError{Dir: filepath.Join(path, name), Err: err, Hint: hint}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, refuse("", err, writeHint(err))
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, refuse("", err, writeHint(err))
	}
	before, err := os.Lstat(path)
	if err != nil {
		return nil, refuse("", err, "")
	}
	if !before.IsDir() {
		return nil, refuse("", ErrSymlink, "name the real directory as the cache directory")
	}
	d := &directory{path: path, format: format}
	if d.root, err = os.OpenRoot(path); err != nil {
		return nil, refuse("", err, "")
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.self, err = d.root.Open("."); err != nil {
		return nil, refuse("", err, "")
	}
	// What was opened, not what the path names now, is what counts.
	info, err := d.root.Stat(".")
	if err != nil {
		return nil, refuse("", err, "")
	}
	switch {
	case !os.SameFile(before, info):
		return nil, refuse("", ErrSymlink, "the directory was replaced while it was being opened")
	case !ownedByUs(info):
		return nil, refuse("", ErrOwner, "run as its owner, or choose another cache directory")
	case info.Mode().Perm()&0o077 != 0:
		return nil, refuse("", ErrPermissions, "chmod 700 "+path+", if nobody else could have changed it")
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, refuse("", err, "")
	}
	if err := checkFormat(d.root, format, entries); err != nil {
		return nil, refuse("", err, formatHint(err))
	}
	if err := d.checkShape(refuse); err != nil {
		return nil, err
	}
	if err := d.takeLock(); err != nil {
		return nil, err
	}
	if err := d.lay(); err != nil {
		return nil, refuse("", err, writeHint(err))
	}
	if info, err := d.root.Stat(formatFile); err == nil {
		d.made = info.ModTime()
	}
	excludeFromBackup(path)
	return d, nil
}

// checkFormat accepts an empty directory and one of this format. A crash while
// the very first files were made leaves a directory that holds nothing else.
func checkFormat(root *os.Root, format string, entries []fs.DirEntry) error {
	line, err := root.ReadFile(formatFile)
	if err == nil && len(line) > 0 {
		switch string(line) {
		case format:
			return nil
		case formatLine, ephemeralLine:
			return ErrKind
		}
		version, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "veriffs cache ")
		if n, err := strconv.Atoi(version); ok && err == nil && n > 1 {
			return ErrNewer
		}
		return ErrForeign
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case formatFile, lockFile, finderFile:
		default:
			return ErrForeign
		}
	}
	return nil
}

func formatHint(err error) string {
	switch {
	case errors.Is(err, ErrNewer):
		return "use the newer program, or delete the directory"
	case errors.Is(err, ErrForeign):
		return "choose an empty or a new cache directory; nothing in this one was changed"
	case errors.Is(err, ErrKind):
		return "a key in memory and a shared secret each need a cache directory of their own; nothing in this one was changed"
	}
	return ""
}

// checkShape refuses a directory in which something of ours is not what we
// made: a symbolic link, or owned by someone else.
func (d *directory) checkShape(refuse func(string, error, string) error) error {
	const hint = "delete the cache directory; veriffs makes it anew"
	check := func(rel string, dir bool) error {
		info, err := d.root.Lstat(rel)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return refuse(rel, err, "")
		case info.Mode()&fs.ModeSymlink != 0 || info.IsDir() != dir:
			return refuse(rel, ErrSymlink, hint)
		case !ownedByUs(info):
			return refuse(rel, ErrOwner, hint)
		}
		return nil
	}
	for _, f := range []string{formatFile, tagFile, spotlight, lockFile} {
		if err := check(f, false); err != nil {
			return err
		}
	}
	if err := check(tempDir, true); err != nil {
		return err
	}
	return d.eachShard("", func(rel string) error { return check(rel, true) })
}

// eachShard calls visit with every directory of objects, parents first; tag
// limits it to one secret's, "" means all.
func (d *directory) eachShard(tag string, visit func(rel string) error) error {
	tags := []string{tag}
	if tag == "" {
		var err error
		if tags, err = d.names("."); err != nil {
			return err
		}
	}
	for _, t := range tags {
		if !isHex(t, 16) {
			continue
		}
		if err := visit(t); err != nil {
			return err
		}
		shards, err := d.names(t)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return err
		}
		for _, s := range shards {
			if !isHex(s, 2) {
				continue
			}
			if err := visit(t + "/" + s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *directory) names(rel string) ([]string, error) {
	f, err := d.root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// sync makes what was removed from a directory stay removed after a power cut.
func (d *directory) sync(rel string) error {
	f, err := d.root.Open(rel)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *directory) close() {
	if d.lock != nil {
		d.lock.Close() // which unlocks
	}
	if d.self != nil {
		d.self.Close()
	}
	d.root.Close()
}

func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
