package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"veriffs/cache"
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

// metricsAddress is a log that keeps the address at which metrics are served.
type metricsAddress string

func (a *metricsAddress) Enabled(context.Context, slog.Level) bool { return true }
func (a *metricsAddress) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a *metricsAddress) WithGroup(string) slog.Handler            { return a }

func (a *metricsAddress) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(at slog.Attr) bool {
		if r.Message == "metrics are served" && at.Key == "address" {
			*a = metricsAddress(at.Value.String())
		}
		return true
	})
	return nil
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
	o.Library, o.directories = h.lib, h.dirs
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

// Everything that can be done to a library can be done through the socket.
func TestKeeperThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	ctx := t.Context()
	if h.client.Mountpoint != "/mnt/veriff" || h.client.Account != "a1b2c3" || h.client.PID != os.Getpid() {
		t.Errorf("%+v", h.client.Mount)
	}
	warmed, err := h.client.Warm(ctx, library.WarmOptions{NoVideo: true, Contexts: []string{"document-*"}}, nil)
	if err != nil || warmed.Fetched == 0 || warmed.Failed != 0 || warmed.Sessions != len(h.SessionIDs()) {
		t.Fatalf("%+v, %v", warmed, err)
	}
	s, err := h.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sessions != len(h.SessionIDs()) || !s.Online || s.Cache.State != "ok" || s.Cache.Objects < int64(warmed.Fetched) ||
		s.API.Kinds["media"] != int64(warmed.Fetched) || s.API.P50 <= 0 || s.API.P99 < s.API.P50 || len(s.API.Errors) != 0 {
		t.Errorf("%+v", s)
	}
	id := h.SessionIDs()[0]
	n, err := h.client.Pin(ctx, "sessions/"+id.String())
	if err != nil || n.Files == 0 || n.Fetched == 0 || n.Fetched == n.Files {
		t.Fatal(n, err)
	}
	if e, err := h.client.Evict(ctx, []string{id.String()}); err != nil || e.Files != 0 || e.Pinned != n.Fetched {
		t.Errorf("pinned: %+v, %v", e, err)
	}
	if warmed, err := h.client.Warm(ctx, library.WarmOptions{Names: []string{"by-context/" + id.String()}}, nil); err != nil || warmed.Files != n.Files || warmed.Fetched != n.Files-n.Fetched {
		t.Errorf("%+v, %v", warmed, err)
	}
	n.Fetched = n.Files
	if s, err := h.client.Status(ctx); err != nil || s.Cache.Pinned == 0 {
		t.Errorf("pinned: %+v, %v", s.Cache, err)
	}
	if again, err := h.client.Unpin(ctx, id.String()); err != nil || again != n {
		t.Error(again, err)
	}
	if e, err := h.client.Evict(ctx, []string{id.String()}); err != nil || e.Files == 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseSession(ctx, h.SessionIDs()[1]); err != nil || len(e.Erased) == 0 || e.Session != h.SessionIDs()[1].String() {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := h.client.EraseAll(ctx); err != nil || len(e.Erased) == 0 || e.Remaining != 0 || e.Started.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
	if s, err := h.client.Status(ctx); err != nil || s.Cache.Objects != 0 {
		t.Errorf("after erasing all: %+v, %v", s.Cache, err)
	}
}

// Errors keep their meaning on the way.
func TestErrorsThroughTheSocket(t *testing.T) {
	h := newHouse(t, Options{})
	if _, err := h.client.Pin(t.Context(), "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"); !errors.Is(err, library.ErrNotFound) {
		t.Errorf("an id that is nothing: %v", err)
	}
	if _, err := h.client.Pin(t.Context(), "passport"); !errors.Is(err, veriff.ErrNotUUID) {
		t.Errorf("no id: %v", err)
	}
	h.SetActive(false)
	if _, err := h.client.Warm(t.Context(), library.WarmOptions{}, nil); !errors.Is(err, veriff.ErrRefused) {
		t.Errorf("of an integration that is switched off: %v", err)
	}
	for _, body := range []string{"", "{", "[]", `{"all": true, "session": "x"}`, `{"session": "x"}`, `{"everything": true}`, `{"all": true} {}`} {
		resp, err := h.client.http.Post("http://veriffs"+pathPurge, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", body, resp.StatusCode)
		}
	}
}

// A warming ends with the client that asked for it, and with the server.
func TestWarmingEndsWithItsClient(t *testing.T) {
	h := newHouse(t, Options{})
	stuck := h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(1))
	defer stuck.Release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := h.client.Warm(ctx, library.WarmOptions{}, nil)
		ended <- err
	}()
	if err := stuck.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	h.server.Close() // returns only if nothing uses the library any more
}

func TestMetrics(t *testing.T) {
	h := newHouse(t, Options{Metrics: "127.0.0.1:0"})
	if _, err := h.lib.Warm(t.Context(), library.WarmOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	overSocket, err := h.client.http.Get("http://veriffs" + pathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	overTCP, err := http.Get("http://" + string(h.metrics) + pathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	for name, resp := range map[string]*http.Response{"socket": overSocket, "TCP": overTCP} {
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		var ours strings.Builder
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "veriffs_") {
				ours.WriteString(line)
			}
		}
		problems, err := promlint.New(strings.NewReader(ours.String())).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
		for _, want := range []string{
			"veriffs_sessions 8\n", `veriffs_api_requests_total{kind="media",outcome="ok"} 32` + "\n",
			`veriffs_build_info{version="v1"} 1` + "\n", "veriffs_api_first_byte_seconds_count 48\n", "veriffs_api_up 1\n", "veriffs_api_held_seconds 0\n", "go_goroutines ",
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		for _, session := range h.Sessions() {
			if strings.Contains(string(text), session.ID.String()) {
				t.Errorf("%s: the metrics tell an id", name)
			}
		}
	}
	// Over TCP there is nothing else.
	for _, path := range []string{"/", pathMount, pathStatus, pathPurge} {
		resp, err := http.Get("http://" + string(h.metrics) + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s over TCP: %s", path, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	h.client.http.CloseIdleConnections()
}

func TestMetricsForOthersAreWarnedOf(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": false, "[::1]:1": false, "0.0.0.0:1": true, "192.0.2.1:1": true} {
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		warnUnlessLoopback(addr, slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.Len() > 0; got != want {
			t.Errorf("%s: warned: %v", address, got)
		}
	}
}

func TestMetricsPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(shortDir(t), "veriffs")
	if _, err := Serve(Options{Metrics: taken.Addr().String(), directories: []string{dir}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
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
