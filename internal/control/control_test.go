package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veriffs/cache"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// dialVariable makes this test's binary be a process that tries a socket.
const dialVariable = "VERIFFS_TEST_DIAL"

func TestMain(m *testing.M) {
	if socket := os.Getenv(dialVariable); socket != "" {
		os.Exit(dial(socket))
	}
	goleak.VerifyTestMain(m)
}

// dial says what a process gets from a socket: an answer, nothing, or no
// connection at all.
func dial(socket string) int {
	c := newClient(socket)
	var m Mount
	err := c.call(context.Background(), http.MethodGet, pathMount, nil, &m)
	var op *net.OpError
	switch {
	case err == nil:
		fmt.Print("answered")
	case errors.As(err, &op) && op.Op == "dial":
		fmt.Print("no connection")
	default:
		fmt.Print("turned away")
	}
	return 0
}

// house is a library with a server, over a stand-in for the API.
type house struct {
	*sandbox.Sandbox
	lib    *library.Library
	server *Server
	dirs   []string
	client *Client

	metrics metricsAddress
}

func newHouse(t *testing.T, o Options) *house {
	t.Helper()
	h := &house{Sandbox: sandbox.New(sandbox.Options{})}
	api, err := sandbox.Listen(h.Sandbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	client, err := veriff.New(veriff.Config{BaseURL: api.URL, APIKey: h.APIKey, Secrets: h.Secrets()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte(h.Secrets()[0])}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if h.lib, err = library.New(library.Options{Client: client, Cache: store}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.lib.Close)
	ids := h.SessionIDs()
	slices.SortFunc(ids, veriff.SessionID.Compare)
	h.lib.SetSessions(ids)

	if h.dirs = o.directories; h.dirs == nil {
		h.dirs = []string{filepath.Join(shortDir(t), "veriffs")}
	}
	o.Library, o.Exhibits, o.directories = h.lib, exhibit.Of(h.lib), h.dirs
	if o.Mount.Mountpoint == "" {
		o.Mount = ThisProcess("/mnt/veriff", "a1b2c3", "/cache/a1b2c3", "v1")
	}
	if o.Metrics != "" {
		o.Logger = slog.New(&h.metrics)
	}
	if h.server, err = Serve(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.server.Close)
	found := find(t.Context(), h.dirs)
	if len(found) != 1 {
		t.Fatalf("%d mounts found", len(found))
	}
	h.client = found[0]
	return h
}

// shortDir is a directory whose name leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "veriffs-control-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestSocketIsForItsUserAlone(t *testing.T) {
	h := newHouse(t, Options{})
	for name, want := range map[string]os.FileMode{h.dirs[0]: os.ModeDir | 0o700, h.client.socket: os.ModeSocket | 0o600} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, not %v", name, info.Mode(), want)
		}
	}
	h.server.Close()
	if left, err := os.ReadDir(h.dirs[0]); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The kernel is asked who is there, too, so that a mode changed by accident
// opens nothing.
func TestOtherUsersAreTurnedAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	h := newHouse(t, Options{})
	self := filepath.Join(shortDir(t), "test")
	try := func(uid string) string {
		t.Helper()
		cmd := exec.Command("setpriv", "--reuid="+uid, "--regid="+uid, "--clear-groups", self)
		cmd.Env = append(os.Environ(), dialVariable+"="+h.client.socket)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, program, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = "65534"
	if got := try("0"); got != "answered" {
		t.Fatalf("its own user is %s", got)
	}
	os.Chmod(filepath.Dir(self), 0o755)
	if got := try(nobody); got != "no connection" {
		t.Errorf("another user is given: %s", got)
	}
	for name, mode := range map[string]os.FileMode{h.client.socket: 0o666, h.dirs[0]: 0o755, filepath.Dir(h.dirs[0]): 0o755} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if got := try(nobody); got != "turned away" {
		t.Errorf("through an open door another user is given: %s", got)
	}
	if got := try("0"); got != "answered" {
		t.Errorf("after that, its own user is %s", got)
	}
}

func TestDirectoriesThatCanNotBeTrusted(t *testing.T) {
	base := shortDir(t)
	in := func(name string) string { return filepath.Join(base, name) }
	os.Mkdir(in("open"), 0o700)
	os.Chmod(in("open"), 0o755)
	os.Mkdir(in("target"), 0o700)
	os.Symlink("target", in("link"))
	os.WriteFile(in("file"), nil, 0o600)
	bad := []string{in("none/veriffs"), in("open"), in("link"), in("file"), in(strings.Repeat("long", 30))}
	if os.Geteuid() == 0 {
		os.Mkdir(in("foreign"), 0o700)
		os.Chown(in("foreign"), 65534, 65534)
		bad = append(bad, in("foreign"))
	}
	for _, dir := range bad {
		if got, err := makeDirectory([]string{dir}); err == nil {
			t.Errorf("%s is accepted", got)
		}
	}
	good := in("good")
	if got, err := makeDirectory(append(bad, good)); err != nil || got != good {
		t.Errorf("the first that can be trusted: %s, %v", got, err)
	}
	h := newHouse(t, Options{directories: append(bad, good)})
	if filepath.Dir(h.client.socket) != good {
		t.Errorf("the socket is %s", h.client.socket)
	}
}

// A socket of a process that was killed is in nobody's way.
func TestStaleSocket(t *testing.T) {
	dir := shortDir(t)
	stale := filepath.Join(dir, "1.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if found := find(t.Context(), []string{dir}); len(found) != 0 {
		t.Errorf("a dead mount is found: %+v", found[0].Mount)
	}
	if _, err := os.Lstat(stale); !os.IsNotExist(err) {
		t.Errorf("the dead socket: %v", err)
	}
}

func TestChoose(t *testing.T) {
	dir := shortDir(t)
	os.Mkdir(filepath.Join(dir, "real"), 0o700)
	os.Symlink("real", filepath.Join(dir, "link"))
	one := &Client{Mount: Mount{Mountpoint: filepath.Join(dir, "real", "one")}}
	two := &Client{Mount: Mount{Mountpoint: filepath.Join(dir, "real", "two")}}
	for _, c := range []struct {
		mounts []*Client
		point  string
		want   *Client
		err    error
	}{
		{nil, "", nil, ErrNoMount},
		{[]*Client{one}, "", one, nil},
		{[]*Client{one, two}, "", nil, ErrWhichMount},
		{[]*Client{one, two}, two.Mountpoint, two, nil},
		{[]*Client{one, two}, two.Mountpoint + "/", two, nil},
		{[]*Client{one, two}, filepath.Join(dir, "link", "two"), two, nil},
		{[]*Client{one}, two.Mountpoint, nil, ErrNoMount},
	} {
		if got, err := Choose(c.mounts, c.point); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q of %d: %v, %v", c.point, len(c.mounts), got, err)
		}
	}
}

// A status is asked of a mount that hangs: the answer does not hang with it.
func TestFindPassesOverWhatHangs(t *testing.T) {
	dir := shortDir(t)
	silent, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "1.sock")})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if found := find(ctx, []string{dir}); len(found) != 0 {
		t.Error("a mount that says nothing is found")
	}
	if _, err := os.Lstat(filepath.Join(dir, "1.sock")); err != nil {
		t.Error("the socket of a live process was removed")
	}
}
