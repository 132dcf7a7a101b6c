//go:build linux

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"veriffs/veriff/sandbox"
)

// connections are those of the mount, and those of curl.
const connections = 16

//go:embed profile.go.txt
var profileSource []byte

// build makes the binary that is measured.
func (b *bench) build() {
	switch {
	case b.profiles != "":
		b.buildProfiled()
	case b.veriffs != "":
		b.binary = absolute(b.veriffs)
	default:
		note("building")
		b.output("make", "build")
		b.binary = filepath.Join(b.repository, "bin", "veriffs")
	}
}

// buildProfiled makes a binary that writes a CPU profile of its life to where
// an environment variable says. The addition is laid over the source for this
// build alone.
func (b *bench) buildProfiled() {
	note("building, with profiles")
	check(os.MkdirAll(b.profiles, 0o755))
	added, overlay := filepath.Join(b.dir, "profile.go"), filepath.Join(b.dir, "overlay.json")
	check(os.WriteFile(added, profileSource, 0o600))
	check(os.WriteFile(overlay, must(json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(b.repository, "profile.go"): added},
	})), 0o600))
	b.binary = filepath.Join(b.dir, "veriffs")
	b.output("go", "build", "-overlay", overlay, "-o", b.binary, ".")
}

// mount is a mounted veriffs with a cache of its own.
type mount struct {
	child
	sessions string // the directory of that name
	cache    string
	profile  string // where it writes its profiles, without their endings; "" for nowhere
}

// mount starts the binary on an empty cache, with further options. The name tells
// profiles apart.
func (b *bench) mount(s *standin, name string, sessions []sandbox.Session, options ...string) *mount {
	dir := must(os.MkdirTemp(b.dir, "mount-"))
	point, list := filepath.Join(dir, "mnt"), filepath.Join(dir, "sessions.txt")
	var ids strings.Builder
	for _, session := range sessions {
		fmt.Fprintln(&ids, session.ID)
	}
	check(os.WriteFile(list, []byte(ids.String()), 0o600))
	m := &mount{sessions: filepath.Join(point, "sessions"), cache: filepath.Join(dir, "cache")}
	args := append([]string{"mount", "--api-url", s.API, "--api-key", s.world.APIKey, "--sessions", list,
		"--cache-dir", m.cache, "--connections", strconv.Itoa(connections), "--log-level", "warn", point}, options...)
	cmd := exec.Command(b.binary, args...)
	cmd.Env = append(os.Environ(), "VERIFF_SHARED_SECRET="+s.world.Secrets()[0])
	if s.trusted != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+s.trusted)
	}
	if b.profiles != "" {
		m.profile = filepath.Join(b.profiles, name)
		cmd.Env = append(cmd.Env, "VERIFFS_BENCH_PROFILE="+m.profile)
	}
	m.start(cmd)
	m.awaitMount(b.ctx, point)
	must(os.ReadDir(point)) // returns once the mount answers
	return m
}

// profileFromHere drops the profile so far, of what is not measured.
func (m *mount) profileFromHere() {
	if m.profile != "" {
		_ = m.cmd.Process.Signal(syscall.SIGUSR2)
		time.Sleep(300 * time.Millisecond)
	}
}

// stop unmounts, after the profiles are written, if there are any.
func (m *mount) stop() {
	if m.profile != "" && !m.ended() {
		heap := m.profile + ".heap"
		_ = os.Remove(heap) // of an earlier run
		_ = m.cmd.Process.Signal(syscall.SIGUSR1)
		for range 500 {
			_, err := os.Stat(heap)
			if err == nil || m.ended() {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	m.child.stop()
}

// end unmounts and removes the cache.
func (m *mount) end() {
	m.stop()
	m.child.end()
}
