package fs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// desktopNames are what file managers, indexers, shells and editors look for in each
// directory that they show or walk.
var desktopNames = []string{
	".hidden", ".directory", ".Trash", ".Trash-1000", ".nomedia", ".trackerignore", ".thumbnails", ".comments", ".xvpics",
	".DS_Store", "._.", "._face.jpg", ".Spotlight-V100", ".Trashes", ".fseventsd", ".hotfiles.btree", ".localized", ".VolumeIcon.icns", ".apdisk",
	"desktop.ini", "Desktop.ini", "Thumbs.db", "autorun.inf", "AutoRun.inf", "System Volume Information",
	".git", ".hg", ".svn", ".gitignore", ".envrc", ".editorconfig", ".rsync-filter", "CACHEDIR.TAG", ".nobackup",
}

// TestDesktopNames: what desktops look for is absent everywhere, and nobody asks the API
// for it, whether a directory was entered before or not.
func TestDesktopNames(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: twoAttempts})
	s := w.Sessions()[0]
	dirs := []string{"", "sessions", "by-context", "metadata", "attempts"}
	inside := []string{
		filepath.Join("sessions", s.ID.String()), filepath.Join("by-context", s.ID.String()),
		filepath.Join("metadata", s.ID.String()),
	}
	look := func(dirs []string) {
		t.Helper()
		if n := w.requests(func() {
			for _, dir := range dirs {
				for _, name := range desktopNames {
					path := w.path(dir, name)
					if _, err := os.Lstat(path); !isErrno(err, syscall.ENOENT) {
						t.Errorf("%s/%s: %v", dir, name, err)
					}
					if _, err := os.ReadFile(path); !isErrno(err, syscall.ENOENT) {
						t.Errorf("open %s/%s: %v", dir, name, err)
					}
				}
				if err := os.Mkdir(w.path(dir, ".Trash-1000"), 0o700); !isErrno(err, syscall.EROFS) {
					t.Errorf("a folder for trash in %s: %v", dir, err)
				}
			}
		}); n != 0 {
			t.Errorf("in %q they cost %d requests", dirs, n)
		}
	}
	look(dirs)
	look(inside)
	for _, dir := range inside {
		w.names(dir)
	}
	attempt := filepath.Join("attempts", s.Attempts[0].ID.String())
	w.names(attempt)
	look(append(inside, attempt))
}

// TestSpotlightMarker: the file that Spotlight looks for in a volume is there for whoever
// looks for it, and no listing and no copy has it.
func TestSpotlightMarker(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	const name = ".metadata_never_index"
	if n := w.requests(func() {
		info, err := os.Lstat(w.path(name))
		if err != nil || info.Size() != 0 || info.Mode() != 0o400 {
			t.Fatalf("%v, %v", info, err)
		}
		if content, err := os.ReadFile(w.path(name)); err != nil || len(content) != 0 {
			t.Errorf("it has %q, %v", content, err)
		}
		if _, err := os.OpenFile(w.path(name), os.O_WRONLY, 0); !isErrno(err, syscall.EROFS) {
			t.Errorf("open it to write: %v", err)
		}
		for _, listed := range w.names() {
			if listed == name {
				t.Error("it is listed")
			}
		}
		if _, err := os.Lstat(w.path("sessions", name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("in sessions/: %v", err)
		}
	}); n != 0 {
		t.Errorf("it cost %d requests", n)
	}
}
