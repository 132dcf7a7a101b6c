package command_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestMountAtOnce mounts in place of a mount in the very moment in which that
// was killed, or was taken away: its process still has to let go of the
// connection to the kernel and of the lock on the cache.
func TestMountAtOnce(t *testing.T) {
	mountAtOnce(t, 10)
}

// TestSoakMountAtOnce does the same 50 times.
func TestSoakMountAtOnce(t *testing.T) {
	if os.Getenv("VERIFFS_SOAK") == "" {
		t.Skip("VERIFFS_SOAK is not set")
	}
	mountAtOnce(t, 50)
}

func mountAtOnce(t *testing.T, rounds int) {
	w := newKillWorld(t)
	take := map[string]func(*process){
		"killed": func(p *process) {
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		},
		"taken away": func(*process) {
			out, err := w.command("unmount", w.point).CombinedOutput()
			if err != nil {
				t.Fatalf("unmount: %v\n%s", err, out)
			}
		},
	}
	for how, end := range take {
		p := w.mount()
		for round := range rounds {
			path := w.paths[round%len(w.paths)]
			got, err := os.ReadFile(filepath.Join(w.point, path))
			if err != nil || !bytes.Equal(got, w.content[path]) {
				t.Errorf("%s, round %d: %d bytes, %v", how, round, len(got), err)
			}
			end(p)
			p = w.mount() // and fails the test if there is none
		}
		w.terminate(p)
	}
}
