package fs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "golang.org/x/image/webp"

	"veriffs/veriff/sandbox"
)

// TestTools uses the mount with the tools that people use, and counts what
// that asks of the API.
func TestTools(t *testing.T) {
	w := newWorld(t, worldConfig{})
	files := w.files()
	sessions := w.Sessions()

	if n := w.requests(func() { w.mustShell(`ls -l . sessions; stat sessions/*; df .; find . -maxdepth 2`) }); n != 0 {
		t.Errorf("looking at the sessions cost %d requests", n)
	}
	attempts := 0
	for _, s := range sessions {
		attempts += len(s.Attempts)
	}
	if n := w.requests(func() { w.mustShell(`find sessions by-context -ls`) }); n != 2*len(sessions) {
		t.Errorf("entering %d sessions cost %d requests", len(sessions), n)
	}
	if n := w.requests(func() { w.mustShell(`find . -ls; ls -lR; du -a .`) }); n != 3*len(sessions)+attempts {
		t.Errorf("entering %d sessions and %d attempts everywhere cost %d requests", len(sessions), attempts, n)
	}
	if n := w.Requests().ByKind["media"]; n != 0 {
		t.Errorf("looking at files downloaded %d", n)
	}

	out := t.TempDir()
	t.Cleanup(func() { // or what was copied could not be removed: its directories are read-only
		if err := exec.Command("chmod", "-R", "u+w", out).Run(); err != nil {
			t.Error(err)
		}
	})
	cost := w.requests(func() { w.mustShell(`cp -r sessions "$1"`, out+"/cp") })
	if cost != len(files) {
		t.Errorf("cp -r of %d files cost %d requests", len(files), cost)
	}
	compareTree(t, filepath.Join(out, "cp"), files)

	again := w.requests(func() {
		w.mustShell(`tar -cSf "$1/all.tar" sessions && mkdir "$1/tar" && tar -C "$1/tar" --strip-components=1 -xf "$1/all.tar"`, out)
		compareTree(t, filepath.Join(out, "tar"), files)

		w.mustShell(`rsync -a sessions/ "$1"`, out+"/rsync")
		compareTree(t, filepath.Join(out, "rsync"), files)
		if moved := w.mustShell(`rsync -a --itemize-changes sessions/ "$1"`, out+"/rsync"); moved != "" {
			t.Errorf("a second rsync moves:\n%s", moved)
		}

		sums := w.mustShell(`find sessions -type f -exec sha256sum {} +`)
		for name, content := range files {
			sum := sha256.Sum256(content)
			if !strings.Contains(sums, hex.EncodeToString(sum[:])+"  "+name) {
				t.Errorf("sha256sum of %s is not in\n%s", name, sums)
			}
		}
		for name, content := range files {
			if got := w.mustShell(`cat "$1"`, name); got != string(content) {
				t.Errorf("cat %s: %d bytes, not the %d right ones", name, len(got), len(content))
			}
		}
		withChip := sessions[slices.IndexFunc(sessions, func(s sandbox.Session) bool {
			return slices.ContainsFunc(s.Attempts[0].Media, func(f sandbox.File) bool { return f.MIMEType == "application/json" })
		})]
		last := withChip.Person.LastName
		if hits := w.mustShell(`grep -rl --include='*.json' -- "$1" sessions`, last); !strings.Contains(hits, ".json") {
			t.Errorf("grep -r %s hits nothing", last)
		}
	})
	if again != 0 {
		t.Errorf("reading everything again cost %d requests", again)
	}

	w.remount()
	if n := w.requests(func() {
		w.mustShell(`find . -ls; cat sessions/*/* >/dev/null`)
		if moved := w.mustShell(`rsync -a --itemize-changes sessions/ "$1"`, out+"/rsync"); moved != "" {
			t.Errorf("an rsync after a remount moves:\n%s", moved)
		}
	}); n != 0 {
		t.Errorf("reading everything after a remount cost %d requests", n)
	}
}

// compareTree compares a copy of sessions/ with what should be in it.
func compareTree(t *testing.T, root string, files map[string][]byte) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		count++
		name := "sessions" + strings.TrimPrefix(path, root)
		want, ok := files[name]
		if !ok {
			t.Errorf("%s: there is no such file", name)
			return nil
		}
		got, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, not the %d right ones", name, len(got), len(want))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if count != len(files) {
		t.Errorf("%s has %d files, not %d", root, count, len(files))
	}
}

// TestOrdinaryUser runs the test above as a user without privileges, through
// fusermount3. Where /dev/fuse is closed to users it gets one of its own, in
// a mount namespace of its own.
func TestOrdinaryUser(t *testing.T) {
	requireFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("all tests run as an ordinary user here")
	}
	dir, err := os.MkdirTemp("/tmp", "veriffs-user-") // where the user can go
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const nobody = "65534"
	script := `set -e
		cp "$1" "$2/fs.test"; chmod 755 "$2" "$2/fs.test"; mkdir "$2/tmp"; chown ` + nobody + ` "$2/tmp"
		mknod "$2/fuse" c 10 229; chmod 666 "$2/fuse"; mount --bind "$2/fuse" /dev/fuse
		cd "$2/tmp"; TMPDIR="$2/tmp" HOME="$2/tmp" exec setpriv --reuid=` + nobody + ` --regid=` + nobody + ` --clear-groups \
			"$2/fs.test" -test.v -test.run='^(TestTools|TestAttributes|TestReadOnly)$'`
	out, err := exec.Command("unshare", "--mount", "sh", "-c", script, "sh", self, dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestTools")) {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
}

// TestPictures decodes every picture through the mount.
func TestPictures(t *testing.T) {
	w := newWorld(t, worldConfig{})
	decoded := 0
	for name := range w.files() {
		switch filepath.Ext(name) {
		case ".jpg", ".png", ".webp":
		default:
			continue
		}
		f, err := os.Open(w.path(name))
		if err != nil {
			t.Fatal(err)
		}
		picture, format, err := image.Decode(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if size := picture.Bounds().Size(); size.X < 100 || size.Y < 100 {
			t.Errorf("%s: a %s of %v", name, format, size)
		}
		decoded++
	}
	if decoded < 10 {
		t.Errorf("only %d pictures were there to decode", decoded)
	}
}

// mmapFile is the environment variable that makes this test binary a process
// that maps a file and prints the hash of what it sees.
const mmapFile = "VERIFFS_TEST_MMAP"

// mmapUser makes it become another user once it has mapped the file.
const mmapUser = "VERIFFS_TEST_MMAP_USER"

func mapped(name string) (exit int) {
	f, err := os.Open(name)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	content, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if uid, err := strconv.Atoi(os.Getenv(mmapUser)); err == nil {
		if err := syscall.Setuid(uid); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Printf("mapped %x\n", sha256.Sum256(content))
	return 0
}

// TestMmap maps files in a second process: a page fault on a mount that the
// faulting process itself serves could never be answered.
func TestMmap(t *testing.T) {
	w := newWorld(t, worldConfig{})
	tried := 0
	for name, content := range w.files() {
		if tried++; tried > 5 { // in an order that is another each time
			break
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), mmapFile+"="+w.path(name))
		out, err := cmd.CombinedOutput()
		want := fmt.Sprintf("mapped %x\n", sha256.Sum256(content))
		if err != nil || string(out) != want {
			t.Fatalf("mmap of %s: %v\n%s", name, err, out)
		}
	}
}

// eventually waits for what another thread of the kernel or the mount does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so in time: %s", what)
		}
	}
}
