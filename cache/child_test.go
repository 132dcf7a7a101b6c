package cache

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veriffs/cache/directory"
)

// The environment variable that makes this test binary a child process with a
// cache of its own, and the directory of that cache.
const (
	childMode = "VERIFFS_TEST_CHILD"
	childDir  = "VERIFFS_TEST_DIR"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := child(mode); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func childOptions(dir string) Options {
	return Options{Dir: dir, Limit: 4 << 20, Secrets: [][]byte{[]byte("a secret for tests")}}
}

func child(mode string) error {
	c, err := Open(childOptions(os.Getenv(childDir)))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	switch mode {
	case "hold":
		_, err := io.ReadAll(os.Stdin)
		return err
	case "churn":
		return churn(c)
	case "unreadable":
		return unreadable(c)
	}
	return errors.New("unknown mode")
}

// start runs a child until it is ready.
func start(t *testing.T, mode, dir string, attr *syscall.SysProcAttr) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDir+"="+dir)
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // open for as long as we live
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "ready\n" {
		t.Fatalf("child %s: %q, %v", mode, line, err)
	}
	return cmd, r
}

// TestLockedByAnotherProcess checks that a lock keeps others out until its holder
// dies.
func TestLockedByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	cmd, _ := start(t, "hold", dir, nil)
	_, err := Open(childOptions(dir))
	var oe *OpenError
	if !errors.As(err, &oe) || !errors.Is(err, ErrLocked) || oe.PID != cmd.Process.Pid {
		t.Fatalf("error %v", err)
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	open(t, childOptions(dir))
}

// churnKeys objects, each with contents that follow from its number and version.
const churnKeys = 25

func churnContent(i, version int) []byte {
	b := content(uint64(i*1000+version), (i*31%200)<<10+i)
	return append([]byte(fmt.Sprintf("%6d%6d", i, version)), b...)
}

func churnCheck(c *Cache, i int) error {
	o, ok := c.Get(Key(fmt.Sprint(i)))
	if !ok {
		return nil
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(b[6:12])))
	if err != nil || !bytes.Equal(b, churnContent(i, version)) {
		return fmt.Errorf("wrong bytes for %d", i)
	}
	return nil
}

// churn writes and reads until it is killed.
func churn(c *Cache) error {
	failed := make(chan error)
	for g := range 4 {
		go func() {
			rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(g)))
			for {
				i := rnd.IntN(churnKeys)
				if err := churnCheck(c, i); err != nil {
					failed <- err
				}
				w, err := c.Create(Key(fmt.Sprint(i)), -1)
				if err != nil {
					failed <- err
				}
				w.Write(churnContent(i, rnd.IntN(1000)))
				o, err := w.Commit(nil)
				if err != nil {
					failed <- err
					continue
				}
				o.Close()
			}
		}()
	}
	return <-failed
}

// TestKill kills a process that writes and reads with kill -9 at random moments.
// What is left is right, complete and within the limit each time.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	for range 12 {
		killOnce(t, dir)
	}
}

// TestSoakKill does the same for as long as VERIFFS_SOAK says.
func TestSoakKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	rounds := 0
	for soak := newSoak(t); soak.goesOn(); rounds++ {
		killOnce(t, dir)
	}
	t.Logf("%d kills", rounds)
}

func killOnce(t *testing.T, dir string) {
	cmd, out := start(t, "churn", dir, nil)
	// Not to synchronise: the moment is meant to be arbitrary.
	for stop := time.Now().Add(time.Duration(rand.IntN(150)) * time.Millisecond); time.Now().Before(stop); {
		if n, limit := du(t, dir), childOptions(dir).Limit; n > limit {
			t.Errorf("%d bytes on disk, limit %d", n, limit)
		}
	}
	must(t, cmd.Process.Kill())
	if rest, _ := io.ReadAll(out); len(rest) > 0 {
		t.Fatalf("child: %s", rest)
	}
	cmd.Wait()
	c, err := Open(childOptions(dir))
	must(t, err)
	for i := range churnKeys {
		if err := churnCheck(c, i); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, directory.TempDir, "*")); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
	if s := c.Stats(); s.Damaged != 0 {
		t.Errorf("%+v", s)
	}
	checkCounts(t, c)
	must(t, c.Close())
}

// unreadable takes the permissions from the directory of a cache in use.
func unreadable(c *Cache) error {
	dir := c.store.Load().dir.Path()
	store := func(k Key) error {
		w, err := c.Create(k, 3)
		if err != nil {
			return err
		}
		if _, err := w.Write([]byte("abc")); err != nil {
			return err
		}
		o, err := w.Commit(nil)
		if err != nil {
			return err
		}
		defer o.Close()
		var b [3]byte
		if _, err := o.ReadAt(b[:], 0); err != nil || string(b[:]) != "abc" {
			return fmt.Errorf("read %q, %v", b, err)
		}
		return nil
	}
	if err := store("before"); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0); err != nil {
		return err
	}
	if o, ok := c.Get("before"); ok {
		o.Close()
		return errors.New("a hit in an unreadable directory")
	}
	if err := store("during"); err != nil {
		return err
	}
	if !c.Stats().Bypassed {
		return errors.New("not bypassed")
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	c.disk.Try(c.probe, c.upkeep.nudge)
	o, ok := c.Get("before")
	if !ok {
		return errors.New("a miss after the directory came back")
	}
	return o.Close()
}

// TestUnreadable runs as an ordinary user, since permissions do not stop root.
func TestUnreadable(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "veriffs-test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	var attr *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		must(t, os.Chown(dir, 65534, 65534))
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		// The test binary's own directory may be closed to that user.
		bin := filepath.Join(dir, "test")
		b, err := os.ReadFile(os.Args[0])
		must(t, err)
		must(t, os.WriteFile(bin, b, 0o755))
		defer func(old string) { os.Args[0] = old }(os.Args[0])
		os.Args[0] = bin
	}
	cmd, out := start(t, "unreadable", filepath.Join(dir, "cache"), attr)
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("%s, %v", rest, err)
	}
}
