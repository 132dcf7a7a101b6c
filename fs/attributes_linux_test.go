package fs_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"veriffs/veriff/sandbox"
)

// TestAttributes checks what stat says.
func TestAttributes(t *testing.T) {
	w := newWorld(t, worldConfig{})
	ids := make(map[uint64]string)
	stat := func(name string) *syscall.Stat_t {
		t.Helper()
		info, err := os.Lstat(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if other, ok := ids[st.Ino]; ok && other != name {
			t.Errorf("%s and %s have the inode number %d", name, other, st.Ino)
		}
		ids[st.Ino] = name
		if int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid() {
			t.Errorf("%s belongs to %d:%d", name, st.Uid, st.Gid)
		}
		return st
	}
	if st := stat("."); st.Mode != syscall.S_IFDIR|0o500 || st.Nlink != 6 || st.Ino != 1 {
		t.Errorf(".: mode %o, %d links, inode %d", st.Mode, st.Nlink, st.Ino)
	}
	sessions := w.Sessions()
	if st := stat("sessions"); st.Mode != syscall.S_IFDIR|0o500 || int(st.Nlink) != 2+len(sessions) {
		t.Errorf("sessions: mode %o, %d links", st.Mode, st.Nlink)
	}
	for _, s := range sessions {
		name := "sessions/" + s.ID.String()
		if st := stat(name); st.Mtim.Nano() != 0 {
			t.Errorf("%s: mtime %v before anybody entered it", name, st.Mtim)
		}
	}
	for _, s := range sessions {
		name := "sessions/" + s.ID.String()
		entries, err := os.ReadDir(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
			t.Errorf("%s is not in name order", name)
		}
		for _, f := range s.Attempts[0].Media {
			st := stat(name + "/" + fileName(f))
			hi, _ := f.ID.Halves()
			switch {
			case st.Mode != syscall.S_IFREG|0o400, st.Nlink != 1, st.Ino != hi:
				t.Errorf("%s: mode %o, %d links, inode %d", f.ID, st.Mode, st.Nlink, st.Ino)
			case st.Size != f.Size, st.Blocks != (f.Size+511)/512:
				t.Errorf("%s: %d bytes in %d blocks, want %d bytes", f.ID, st.Size, st.Blocks, f.Size)
			case st.Mtim.Nano() != mtime(s.Attempts[0]):
				t.Errorf("%s: mtime %v, want %v", f.ID, st.Mtim, s.Attempts[0].Created)
			}
		}
	}
	dates := func() (all []string) {
		for _, s := range sessions {
			// The kernel is told of a date in its own time: wait for it.
			name := "sessions/" + s.ID.String()
			eventually(t, name+" shows its date", func() bool {
				return stat(name).Mtim.Nano() == mtime(s.Attempts[0])
			})
			all = append(all, fmt.Sprint(stat(name).Mtim))
		}
		return all
	}
	before := dates()
	w.remount()
	if n := w.requests(func() {
		if after := dates(); !slices.Equal(before, after) {
			t.Errorf("dates before a remount %v, after it %v", before, after)
		}
	}); n != 0 {
		t.Errorf("the dates after a remount cost %d requests", n)
	}
}

// mtime is the time, in nanoseconds, that an attempt's files should show: its
// date, or 0 if the API gave none.
func mtime(a sandbox.Attempt) int64 {
	if a.Created.IsZero() {
		return 0
	}
	return a.Created.UnixNano()
}

// TestReadOnly tries every way of writing.
func TestReadOnly(t *testing.T) {
	w := newWorld(t, worldConfig{})
	session := w.path("sessions", w.SessionIDs()[0].String())
	entries, err := os.ReadDir(session)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(session, entries[0].Name())
	now := time.Now()
	for name, try := range map[string]func() error{
		"open for writing": func() error { return closing(os.OpenFile(file, os.O_WRONLY, 0)) },
		"open for both":    func() error { return closing(os.OpenFile(file, os.O_RDWR, 0)) },
		"open to append":   func() error { return closing(os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)) },
		"truncate":         func() error { return os.Truncate(file, 0) },
		"create":           func() error { return closing(os.Create(filepath.Join(session, "new"))) },
		"mkdir":            func() error { return os.Mkdir(w.path("new"), 0o700) },
		"remove":           func() error { return os.Remove(file) },
		"rmdir":            func() error { return syscall.Rmdir(session) },
		"rename":           func() error { return os.Rename(file, file+"x") },
		"link":             func() error { return os.Link(file, file+"x") },
		"symlink":          func() error { return os.Symlink(file, file+"x") },
		"chmod":            func() error { return os.Chmod(file, 0o600) },
		"chown":            func() error { return os.Chown(file, os.Getuid(), os.Getgid()) },
		"utimes":           func() error { return os.Chtimes(file, now, now) },
		"setxattr":         func() error { return syscall.Setxattr(file, "user.x", []byte("y"), 0) },
		"mknod":            func() error { return syscall.Mknod(file+"x", syscall.S_IFIFO, 0) },
	} {
		if err := try(); !isErrno(err, syscall.EROFS) {
			t.Errorf("%s: %v, not EROFS", name, err)
		}
	}
}

func closing(f io.Closer, err error) error {
	if err == nil {
		f.Close()
	}
	return err
}
