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

// RotatedFiles returns the rotated files, oldest first.
func (f Files) RotatedFiles() ([]RotatedFile, error) {
	entries, err := os.ReadDir(filepath.Dir(f.Base))
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []RotatedFile
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(f.Base)+".")
		if first, err := strconv.ParseInt(number, 10, 64); ok && err == nil && len(number) >= digits && first >= 0 {
			all = append(all, RotatedFile{filepath.Join(filepath.Dir(f.Base), e.Name()), first})
		}
	}
	slices.SortFunc(all, func(a, b RotatedFile) int { return int(a.First - b.First) })
	return all, nil
}

// MovedFiles returns other files whose names begin like the current one's, such as
// logrotate makes: access.log.1, access.log-20261127.
func (f Files) MovedFiles() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(f.Base))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(f.Base))
		if !ok || suffix == "" || !strings.ContainsRune(".-", rune(suffix[0])) || !e.Type().IsRegular() {
			continue
		}
		switch suffix = suffix[1:]; suffix {
		case "tree", "checkpoint", "lock":
			continue
		}
		number, err := strconv.ParseInt(suffix, 10, 64)
		ours := err == nil && number >= 0 && len(suffix) >= digits
		if !ours && !strings.HasSuffix(suffix, ".new") && !compressed(suffix) {
			all = append(all, filepath.Join(filepath.Dir(f.Base), e.Name()))
		}
	}
	return all, nil
}

// compressed reports whether a file's name says that nothing can be read there.
func compressed(name string) bool {
	return slices.Contains([]string{".gz", ".xz", ".zst", ".bz2"}, filepath.Ext(name))
}

// CompressedFiles returns the names of files that may have records of the log, and are not
// looked at because another program has compressed them.
func (f Files) CompressedFiles() (names []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(f.Base))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(f.Base))
		if ok && suffix != "" && strings.ContainsRune(".-", rune(suffix[0])) && compressed(suffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// OldFiles returns all files of the log but the current one: rotated and moved.
func (f Files) OldFiles() ([]string, error) {
	paths, err := f.MovedFiles()
	rotated, rotatedErr := f.RotatedFiles()
	for _, r := range rotated {
		paths = append(paths, r.Path)
	}
	return paths, errors.Join(err, rotatedErr)
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

// Begun reports whether there is anything of a log: its tree, its checkpoint, or a
// current file that is not empty.
func (f Files) Begun() (bool, error) {
	for _, path := range []string{f.Checkpoint(), f.Tree(), f.Base} {
		if id, size, err := IdentifyPath(path); err != nil || size > 0 || path != f.Base && id != (Identity{}) {
			return err == nil, err
		}
	}
	return false, nil
}
