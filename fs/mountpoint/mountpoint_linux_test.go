package mountpoint

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// TestParseTable: of each mount the table says what tells it apart, whatever is
// in its path.
func TestParseTable(t *testing.T) {
	const table = `22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
40 22 0:45 / /mnt/a\040b\134c\011d rw,nosuid shared:7 master:1 - fuse.veriffs veriff:account rw,user_id=1000,group_id=100
41 22 0:46 / /mnt/other rw - fuse.sshfs host: rw,user_id=x
nonsense
`
	want := []mountEntry{
		{"254:1", "/", "ext4", -1},
		{"0:45", "/mnt/a b\\c\td", tableType, 1000},
		{"0:46", "/mnt/other", "fuse.sshfs", -1},
	}
	if got := parseTable(table); !slices.Equal(got, want) {
		t.Errorf("parsed %+v\nwant %+v", got, want)
	}
}

func TestSameDevice(t *testing.T) {
	for _, c := range []struct {
		hex, device string
		want        bool
	}{
		{"00:2d", "0:45", true}, {"fe:01", "254:1", true}, {"00:45", "0:45", false}, {"0", "0:0", false}, {"x:1", "0:1", false},
	} {
		if got := sameDevice(c.hex, c.device); got != c.want {
			t.Errorf("sameDevice(%q, %q) = %v", c.hex, c.device, got)
		}
	}
}

// requireFUSE skips where nothing can be mounted, but never in CI.
func requireFUSE(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		f.Close()
		return
	}
	if os.Getenv("CI") != "" || os.Getenv("VERIFFS_REQUIRE_FUSE") != "" {
		t.Fatalf("no mount is possible: %v", err)
	}
	t.Skipf("no mount is possible: %v", err)
}

// mountNothing mounts an empty directory for the time of a test.
func mountNothing(t *testing.T, point string) *Mount {
	t.Helper()
	requireFUSE(t)
	tree := fusefs.NewNodeFS(&fusefs.Inode{}, &fusefs.Options{RootStableAttr: &fusefs.StableAttr{Ino: 1}})
	m, err := New(point, tree, &fuse.MountOptions{
		FsName: Source("test"), Name: Type, Options: []string{"ro", "nosuid"}, MaxWrite: 1 << 20,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := m.Unmount(); err != nil {
			t.Error(err)
		}
		m.Wait()
	})
	return m
}

// TestMount: a mount is in the table, answers, and is not mounted over; once it
// is unmounted it is gone, and unmounting it again is no error.
func TestMount(t *testing.T) {
	point := filepath.Join(t.TempDir(), "mnt")
	m := mountNothing(t, point)
	if !slices.Contains(All(), point) || !Alive(point) {
		t.Errorf("mounted: %q, alive: %v", All(), Alive(point))
	}
	var refused *Error
	if err := prepare(point, false, slog.New(slog.DiscardHandler)); !errors.As(err, &refused) || refused.Hint == "" {
		t.Errorf("a second mount: %v", err)
	}
	for range 2 {
		if busy, err := m.Unmount(); err != nil || busy != nil {
			t.Errorf("unmount: %v, %v", busy, err)
		}
	}
	<-m.Gone()
	m.Wait()
	if slices.Contains(All(), point) || Alive(point) {
		t.Error("still mounted")
	}
	if _, err := Unmount(point); !errors.As(err, &refused) || refused.Hint == "" {
		t.Errorf("unmount nothing: %v", err)
	}
}

// TestUnmountInUse: a mount that is in use leaves the tree, whoever unmounts
// it, and is served on until nobody uses it.
func TestUnmountInUse(t *testing.T) {
	for name, unmount := range map[string]func(*Mount, string) (*Busy, error){
		"by its process": func(m *Mount, _ string) (*Busy, error) { return m.Unmount() },
		"by another":     func(_ *Mount, point string) (*Busy, error) { return Unmount(point) },
	} {
		t.Run(name, func(t *testing.T) {
			point := filepath.Join(t.TempDir(), "mnt")
			m := mountNothing(t, point)
			used, err := unix.Open(point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			busy, err := unmount(m, point)
			if err != nil || busy == nil {
				t.Fatalf("unmount: %v, %v", busy, err)
			}
			<-m.Gone()
			if slices.Contains(All(), point) {
				t.Error("still mounted")
			}
			var st unix.Stat_t
			if err := unix.Fstat(used, &st); err != nil {
				t.Errorf("what is open: %v", err)
			}
			unix.Close(used)
			m.Wait()
		})
	}
}

// TestPrepare: the mount point is an empty directory, which is made if its
// parent is there.
func TestPrepare(t *testing.T) {
	requireFUSE(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for point, good := range map[string]bool{"": false, "file": false, "not/there": false, "new": true} {
		point := filepath.Join(dir, point)
		err := prepare(point, false, slog.New(slog.DiscardHandler))
		if refused := new(Error); good != (err == nil) || err != nil && (!errors.As(err, &refused) || refused.Hint == "" || refused.Mountpoint != point) {
			t.Errorf("%s: %v", point, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "new")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the new mount point: %v, %v", info, err)
	}
}
