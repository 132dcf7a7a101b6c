package command_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/control"
)

// TestStoreFailsBelowAMount: while the store's disk is full, while it is killed and started
// again in the middle of a walk, and while it refuses the credentials, a mount gives the
// right bytes; it uses the store again by itself.
func TestStoreFailsBelowAMount(t *testing.T) {
	w := newKillWorld(t)
	disk := smallDisk(t, "32m")
	t.Run("mount", func(t *testing.T) {
		t.Setenv("TMPDIR", disk) // where the server keeps its bucket
		g := buckettest.NewGateway(t, false)
		w.t, w.environment = t, append(w.environment,
			"AWS_ACCESS_KEY_ID="+os.Getenv("AWS_ACCESS_KEY_ID"), "AWS_SECRET_ACCESS_KEY="+os.Getenv("AWS_SECRET_ACCESS_KEY"),
			"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
		full := fill(t, disk)
		p := w.mount("--team-store", "s3://"+buckettest.BucketName+"/p", "--team-store-endpoint", g.URL, "--team-store-path-style", "--read-ahead", "off")
		w.walk("while the store's disk is full", nil)
		if s := w.store(); s.Added != 0 || s.Writing == "" {
			t.Errorf("a full disk: %+v", s)
		}
		if err := os.Remove(full); err != nil {
			t.Fatal(err)
		}
		w.until("files are added once there is room", func(s control.TeamStatus) bool { return s.Writing == "" && s.Added > 0 && s.Queued == 0 })

		w.walk("while the store is killed", map[int]func(){len(w.paths) / 4: g.Stop, len(w.paths) / 2: g.Start})
		hits := w.store().Hits
		w.until("files come from it once it is back", func(s control.TeamStatus) bool { return s.Reading == "" && s.Hits > hits })

		g.Revoke(true)
		w.walk("without credentials", nil)
		if s := w.store(); s.Reading == "" {
			t.Errorf("refused: %+v", s)
		}
		g.Revoke(false)
		hits = w.store().Hits
		w.until("files come from it once it takes the credentials", func(s control.TeamStatus) bool { return s.Reading == "" && s.Hits > hits })
		w.terminate(p)
	})
}

// walk reads all files of the mount, none from its cache, by four readers, and does
// something before a file of this number.
func (w *killWorld) walk(what string, before map[int]func()) {
	w.t.Helper()
	w.evict()
	var (
		readers sync.WaitGroup
		mu      sync.Mutex
		longest time.Duration
	)
	next := make(chan int)
	for range 4 {
		readers.Go(func() {
			for i := range next {
				begun := time.Now()
				got, err := os.ReadFile(filepath.Join(w.point, w.paths[i]))
				took := time.Since(begun)
				mu.Lock()
				longest = max(longest, took)
				mu.Unlock()
				if err != nil || !bytes.Equal(got, w.content[w.paths[i]]) {
					w.t.Errorf("%s: %s: %d bytes, %v", what, w.paths[i], len(got), err)
				}
			}
		})
	}
	for i := range w.paths {
		if do := before[i]; do != nil {
			do()
		}
		next <- i
	}
	close(next)
	within(w.t, "a walk ends "+what, readers.Wait)
	w.t.Logf("%s: %d files, the longest took %v", what, len(w.paths), longest.Round(time.Millisecond))
}

func (w *killWorld) evict() {
	w.t.Helper()
	if out, err := w.command("evict", "--all").CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// store is what the mount says of its team's store.
func (w *killWorld) store() control.TeamStatus {
	w.t.Helper()
	out, err := w.command("status", "--json").Output()
	var s struct {
		Mounts []control.Status `json:"mounts"`
	}
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil || len(s.Mounts) != 1 || s.Mounts[0].TeamStore == nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	return *s.Mounts[0].TeamStore
}

// until walks until the mount says of its store what is expected.
func (w *killWorld) until(what string, ok func(control.TeamStatus) bool) {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		s := w.store()
		switch {
		case ok(s):
			return
		case time.Now().After(end):
			w.t.Fatalf("not in time: %s: %+v", what, s)
		}
		w.walk("until "+what, nil)
	}
}
