package fs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"veriffs/fs"
)

// TestOwner: everything shows the owner and the permissions that were asked for, and the
// kernel lets in whom these let in.
func TestOwner(t *testing.T) {
	asRoot(t, "setpriv")
	const uid, gid, nobody = 12345, 23456, 65534
	w := newWorld(t, worldConfig{sandbox: small, mount: func(o *fs.Options) {
		o.AllowOther, o.UID, o.GID, o.Umask = true, uid, gid, 0o027
	}})
	session := w.Sessions()[0].ID.String()
	name := "sessions/" + session + "/" + fileName(w.Sessions()[0].Attempts[0].Media[0])
	links, err := os.ReadDir(w.path("by-context/" + session))
	if err != nil || len(links) == 0 {
		t.Fatalf("%d links, %v", len(links), err)
	}
	for name, mode := range map[string]uint32{
		".": syscall.S_IFDIR | 0o550, "sessions": syscall.S_IFDIR | 0o550, "sessions/" + session: syscall.S_IFDIR | 0o550,
		name: syscall.S_IFREG | 0o440, "README.txt": syscall.S_IFREG | 0o440,
		"metadata/" + session + "/decision.json":        syscall.S_IFREG | 0o440,
		"by-context/" + session + "/" + links[0].Name(): syscall.S_IFLNK | 0o777,
	} {
		info, err := os.Lstat(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != uid || st.Gid != gid || st.Mode != mode {
			t.Errorf("%s: %d:%d, mode %o, want %o", name, st.Uid, st.Gid, st.Mode, mode)
		}
	}
	for dir := filepath.Dir(w.point); strings.HasPrefix(dir, os.Getenv("TMPDIR")); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		uid, gid int
		reads    bool
	}{{uid, nobody, true}, {nobody, gid, true}, {nobody, nobody, false}} {
		out, err := exec.Command("setpriv", "--reuid", strconv.Itoa(c.uid), "--regid", strconv.Itoa(c.gid), "--clear-groups", "cat", w.path(name)).Output()
		if (err == nil) != c.reads || c.reads && len(out) == 0 {
			t.Errorf("%d:%d: %d bytes, %v", c.uid, c.gid, len(out), err)
		}
	}
}
