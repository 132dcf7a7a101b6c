package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"veriffs/internal/config"
)

func TestSecrets(t *testing.T) {
	keyring.MockInit()
	if _, err := config.FromKeyring("a"); err == nil {
		t.Error("a secret that was never stored")
	}
	if err := config.ToKeyring("a", "one,two"); err != nil {
		t.Fatal(err)
	}
	if got, err := config.FromKeyring("a"); err != nil || got != "one,two" {
		t.Errorf("%q, %v", got, err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	for _, err := range []error{config.ToKeyring("a", "secret"), second(config.FromKeyring("a"))} {
		var told *config.Error
		if !errors.As(err, &told) || told.Hint == "" || strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}

	if got, err := config.FromCommand(t.Context(), []string{"echo", "one"}); err != nil || got != "one" {
		t.Errorf("%q, %v", got, err)
	}
	for _, args := range [][]string{{"false"}, {"/no/such/program"}, {"head", "-c", "5000", "/dev/zero"}} {
		if _, err := config.FromCommand(t.Context(), args); err == nil {
			t.Error(args)
		}
	}

	path := filepath.Join(t.TempDir(), "new", "veriffs.toml")
	if err := config.ToFile(path, "a", "one"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(config.SecretFile(path, "a")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func second(_ string, err error) error { return err }

// TestSecretCommandEndsWithItsContext, though what it has started goes on, and
// holds its output.
func TestSecretCommandEndsWithItsContext(t *testing.T) {
	c := newLasting(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if _, err := os.ReadFile(c.started); err != nil { // until the command has written
			t.Error(err)
		}
		cancel()
	}()
	if _, err := c.run(ctx, `cat "$1" & echo > "$0"; wait`); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSecretCommandLeavesSomethingRunning: an agent that it starts is not
// waited for.
func TestSecretCommandLeavesSomethingRunning(t *testing.T) {
	if got, err := newLasting(t).run(t.Context(), `cat "$1" & echo one`); err != nil || got != "one" {
		t.Errorf("%q, %v", got, err)
	}
}

// lasting are two pipes: what waits for the second goes on until the test ends.
type lasting struct {
	t              *testing.T
	started, never string
}

func newLasting(t *testing.T) *lasting {
	dir := t.TempDir()
	l := &lasting{t, filepath.Join(dir, "started"), filepath.Join(dir, "never")}
	for _, name := range []string{l.started, l.never} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := os.WriteFile(l.never, nil, 0); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lasting) run(ctx context.Context, script string) (got string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = config.FromCommand(ctx, []string{"sh", "-c", script, l.started, l.never})
	}()
	select {
	case <-done:
		return got, err
	case <-time.After(30 * time.Second):
		l.t.Fatal("it is waited for what the command has left running")
		return "", nil
	}
}

func TestDiscard(t *testing.T) {
	keyring.MockInit()
	path := write(t, "")
	own, other := config.SecretFile(path, "a"), filepath.Join(t.TempDir(), "other")
	file := func(name string) config.Profile { return config.Profile{SecretFile: name} }
	for _, c := range []struct {
		what   string
		old    config.Profile
		others map[string]config.Profile
		where  string
		gone   bool
	}{
		{"nothing", config.Profile{}, nil, "", false},
		{"a command", config.Profile{SecretCommand: []string{"pass"}}, nil, "", false},
		{"the keyring", config.Profile{SecretKeyring: true}, nil, "the keyring", true},
		{"our file", file(own), nil, own, true},
		{"the user's file", file(other), nil, other, false},
		{"another's file", file(own), map[string]config.Profile{"b": file("a.secret")}, own, false},
	} {
		if err := errors.Join(config.ToKeyring("a", "one"), config.ToFile(path, "a", "one"), os.WriteFile(other, []byte("one"), 0o600)); err != nil {
			t.Fatal(err)
		}
		for name, p := range c.others {
			if err := config.Save(t.Context(), path, name, p); err != nil {
				t.Fatal(err)
			}
		}
		where, gone, err := config.Discard(path, "a", c.old)
		if where != c.where || gone != c.gone || err != nil {
			t.Errorf("%s: %q, %v, %v", c.what, where, gone, err)
		}
		_, inKeyring := config.FromKeyring("a")
		for place, is := range map[string]bool{"the keyring": inKeyring == nil, own: exists(own), other: exists(other)} {
			if is == (c.gone && place == c.where) {
				t.Errorf("%s: a secret in %s: %v", c.what, place, is)
			}
		}
		if _, gone, err := config.Discard(path, "a", c.old); c.gone && (gone || err != nil) {
			t.Errorf("%s, again: %v, %v", c.what, gone, err)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
