package logfile

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// digits of the first sequence number in the name of a rotated file.
const digits = 12

// Files are the names of a log's files.
type Files struct{ Base string } // absolute

// Tree is the file of the hashes.
func (f Files) Tree() string { return f.Base + ".tree" }

// Checkpoint is the file of the newest checkpoint.
func (f Files) Checkpoint() string { return f.Base + ".checkpoint" }

// Lock is the file that whoever writes holds locked.
func (f Files) Lock() string { return f.Base + ".lock" }

// Rotated is a file of older records, of which first is the first.
func (f Files) Rotated(first int64) string {
	return fmt.Sprintf("%s.%0*d", f.Base, digits, first)
}

// RotatedFile is a file that is no longer written to.
type RotatedFile struct {
	Path  string
	First int64 // sequence number, by its name
}

// Beside is the files beside the current one whose names begin like its own.
type Beside struct {
	Rotated    []RotatedFile // oldest first; whatever has such a name
	Moved      []string      // paths of regular files such as logrotate makes: access.log.1, access.log-20261127
	Compressed []string      // paths of files that may have records, and are not looked at
}

// Old returns the paths of all files of records but the current one.
func (b Beside) Old() []string {
	paths := slices.Clone(b.Moved)
	for _, r := range b.Rotated {
		paths = append(paths, r.Path)
	}
	return paths
}

// Beside reads the directory of the log. There is nothing in one that is missing.
func (f Files) Beside() (b Beside, err error) {
	dir, own := filepath.Split(f.Base)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), own)
		if !ok || suffix == "" || !strings.ContainsRune(".-", rune(suffix[0])) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		number, err := strconv.ParseInt(suffix[1:], 10, 64)
		switch {
		case err == nil && suffix[0] == '.' && number >= 0 && len(suffix) > digits:
			b.Rotated = append(b.Rotated, RotatedFile{path, number})
		case slices.Contains([]string{".tree", ".checkpoint", ".lock"}, suffix), strings.HasSuffix(suffix, ".new"):
		case slices.Contains([]string{".gz", ".xz", ".zst", ".bz2"}, filepath.Ext(suffix)):
			b.Compressed = append(b.Compressed, path)
		case e.Type().IsRegular():
			b.Moved = append(b.Moved, path)
		}
	}
	slices.SortFunc(b.Rotated, func(a, b RotatedFile) int { return int(a.First - b.First) })
	return b, nil
}

// BasePath is the path of the current file of the log that path names: path
// itself, or access.log in the directory that it is or, with a slash at the end,
// is to be. The result is absolute.
func BasePath(path string) (string, error) {
	if path == "" {
		return "", errors.New("the access log needs a path")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	if err == nil && info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		return filepath.Join(abs, "access.log"), nil
	}
	return abs, nil
}

// MakeDirectory makes the directory of a log that begins.
func (f Files) MakeDirectory() error { return os.MkdirAll(filepath.Dir(f.Base), 0o700) }

// Begun reports whether there is anything of the log that a path names: its tree, its
// checkpoint, or a current file that is not empty.
func Begun(path string) (bool, error) {
	base, err := BasePath(path)
	if err != nil {
		return false, err
	}
	f := Files{Base: base}
	for _, path := range []string{f.Checkpoint(), f.Tree(), f.Base} {
		if id, size, err := IdentifyPath(path); err != nil || size > 0 || path != f.Base && id != (Identity{}) {
			return err == nil, err
		}
	}
	return false, nil
}
