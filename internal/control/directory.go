package control

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/adrg/xdg"
)

// directories returns the places for sockets, the preferred one first: below the
// user's runtime directory or, where there is none, the user's own directory
// among the temporary files. A server takes the first that works. A client looks
// in all, since its environment may differ.
func directories() []string {
	own := "veriffs-" + strconv.Itoa(os.Getuid())
	return []string{filepath.Join(xdg.RuntimeDir, "veriffs"), filepath.Join(os.TempDir(), own)}
}

// longestDirectory leaves room for "/<pid>.sock" in a socket's path, which macOS
// limits to 104 bytes; Linux allows 108.
const longestDirectory = 104 - 1 - len("/4194304.sock")

// makeDirectory returns the directory of the server's socket.
func makeDirectory(candidates []string) (string, error) {
	var errs error
	for _, dir := range candidates {
		if len(dir) > longestDirectory {
			errs = errors.Join(errs, fmt.Errorf("the path %s is too long for a socket", dir))
			continue
		}
		err := os.Mkdir(dir, 0o700)
		if err == nil || errors.Is(err, os.ErrExist) {
			err = checkDirectory(dir)
		}
		if err == nil {
			return dir, nil
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}

// checkDirectory refuses a directory that others can write to: another user may
// have taken the name first.
func checkDirectory(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case !ok || int(stat.Uid) != os.Getuid():
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others can access %s (mode %04o)", dir, info.Mode().Perm())
	}
	return nil
}

// socketSuffix ends the names of sockets that answer. A socket has another name
// until it does.
const socketSuffix = ".sock"

// sockets returns the sockets in those candidate directories that are safe.
func sockets(candidates []string) (paths []string) {
	for _, dir := range candidates {
		if checkDirectory(dir) != nil {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Type() == os.ModeSocket && strings.HasSuffix(e.Name(), socketSuffix) {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}
