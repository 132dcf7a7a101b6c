package command

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/adrg/xdg"
)

// silent is a standard input on which nothing ever comes.
type silent struct {
	once    sync.Once
	reading func()
}

func (s *silent) Read([]byte) (int, error) {
	s.once.Do(s.reading)
	select {}
}

// ownHome gives a test a home of its own and an integration in its environment.
func ownHome(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Cleanup(xdg.Reload) // once the environment is as it was
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_DATA_HOME": filepath.Join(home, "data"),
		"XDG_CACHE_HOME": filepath.Join(home, "cache"), "XDG_RUNTIME_DIR": home,
		"VERIFF_API_URL": "http://127.0.0.1:9", "VERIFF_API_KEY": "key", "VERIFF_SHARED_SECRET": "secret",
	} {
		t.Setenv(name, value)
	}
	xdg.Reload()
	return home
}

// interrupts fails unless the program says that it was interrupted.
func interrupts(t *testing.T, ctx context.Context, stdin io.Reader, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, append([]string{"veriffs"}, args...), stdin, io.Discard, &stderr) }()
	select {
	case code := <-ended:
		if code != exitFailed || stderr.String() != "veriffs: interrupted\n" {
			t.Errorf("%q: exit code %d: %s", args, code, stderr.String())
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%q waits on", args)
	}
}

// TestSignalEndsReading: of standard input, whoever reads it.
func TestSignalEndsReading(t *testing.T) {
	for _, args := range [][]string{
		{"login", "--secret-store", "file"},
		{"warm", "--sessions", "-"},
		{"sessions", "add", "-"},
		{"sessions", "list", "--sessions", "-"},
	} {
		ownHome(t)
		ctx, signal := context.WithCancel(t.Context())
		interrupts(t, ctx, &silent{reading: signal}, args...)
	}
}

// TestSignalEndsOpening: of a pipe that has no other end.
func TestSignalEndsOpening(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	signalled, signal := context.WithCancel(t.Context())
	signal()
	for _, args := range [][]string{
		{"mount", "--log-file", pipe, "mnt"},
		{"webhook", "--listen", "127.0.0.1:0", "--tls-cert", pipe, "--tls-key", pipe},
	} {
		ownHome(t)
		interrupts(t, signalled, os.Stdin, args...)
	}
}
