//go:build linux

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"veriffs/veriff/sandbox"
)

// connections are those of the mount and those of curl.
const connections = 16

// build makes the binary that is measured.
func (b *bench) build(ctx context.Context) error {
	if b.veriffs != "" {
		binary, err := filepath.Abs(b.veriffs)
		b.binary = binary
		return err
	}
	note("building")
	if _, err := output(ctx, b.repository, "make", "build"); err != nil {
		return err
	}
	b.binary = filepath.Join(b.repository, "bin", "veriffs")
	return nil
}

//go:embed profile.go.txt
var profileSource []byte

// buildProfiled makes a binary that writes a CPU profile of its life to where
// an environment variable says. The addition is laid over the source for this
// build alone.
func (b *bench) buildProfiled(ctx context.Context) error {
	note("building, with profiles")
	added := filepath.Join(b.dir, "profile.go")
	if err := os.WriteFile(added, profileSource, 0o600); err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(b.repository, "profile.go"): added},
	})
	if err != nil {
		return err
	}
	list := filepath.Join(b.dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return err
	}
	_, err = output(ctx, b.repository, "go", "build", "-overlay", list, "-o", b.binary, ".")
	return err
}

// mount is a mounted veriffs with a cache of its own.
type mount struct {
	child
	sessions string // the directory of that name
	cache    string
	profile  string // where it writes its profiles, without their endings; "" for nowhere
}

// mount starts the binary on an empty cache. name tells profiles apart.
func (b *bench) mount(ctx context.Context, s *standin, name string, sessions []sandbox.Session, flags ...string) (*mount, error) {
	dir, err := os.MkdirTemp(b.dir, "mount-")
	if err != nil {
		return nil, err
	}
	point, list := filepath.Join(dir, "mnt"), filepath.Join(dir, "sessions.txt")
	if err := s.sessionsFile(list, sessions); err != nil {
		return nil, err
	}
	args := append([]string{
		"mount", "--api-url", s.API, "--api-key", s.world.APIKey, "--sessions", list,
		"--cache-dir", filepath.Join(dir, "cache"), "--connections", fmt.Sprint(connections), "--log-level", "warn",
	}, flags...)
	m := &mount{sessions: filepath.Join(point, "sessions"), cache: filepath.Join(dir, "cache")}
	cmd := exec.Command(b.binary, append(args, point)...)
	cmd.Env = append(os.Environ(), "VERIFF_SHARED_SECRET="+s.world.Secrets()[0])
	if b.profiles != "" {
		m.profile = filepath.Join(b.profiles, name)
		cmd.Env = append(cmd.Env, "VERIFFS_BENCH_PROFILE="+m.profile)
	}
	if err := m.start(cmd); err != nil {
		return nil, err
	}
	if err := m.mounted(ctx, point); err != nil {
		_ = m.stop()
		return nil, err
	}
	// It is in the table of mounts a moment before it answers.
	deadline := time.Now().Add(startTimeout)
	for {
		entries, err := os.ReadDir(point)
		if err == nil && len(entries) > 0 {
			break
		}
		if time.Now().After(deadline) {
			_ = m.stop()
			return nil, fmt.Errorf("the mount does not answer: %w", err)
		}
	}
	return m, nil
}

// profileFromHere forgets the profile so far, of what is not measured.
func (m *mount) profileFromHere() {
	if m.profile != "" {
		_ = m.cmd.Process.Signal(syscall.SIGUSR2)
		time.Sleep(300 * time.Millisecond)
	}
}

// end unmounts and removes the cache.
func (m *mount) end() error {
	if err := m.stop(); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(m.cache))
}

// stop has the profiles written, if there are any, and unmounts.
func (m *mount) stop() error {
	select {
	case <-m.done:
	default:
		m.endProfile()
	}
	return m.child.stop()
}

func (m *mount) endProfile() {
	if m.profile == "" {
		return
	}
	heap := m.profile + ".heap"
	_ = os.Remove(heap) // of an earlier run
	_ = m.cmd.Process.Signal(syscall.SIGUSR1)
	for range 500 {
		if _, err := os.Stat(heap); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
