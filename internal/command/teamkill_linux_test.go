package command_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/accesslog/logtest"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/bucket/folder"
)

// TestSoakKillUploads kills 50 times with kill -9 who fills a team's store, each time
// another one, at random moments. Every object that is there then authenticates.
func TestSoakKillUploads(t *testing.T) {
	logtest.Soak(t)
	t.Run("folder", func(t *testing.T) {
		killUploads(t, func(t *testing.T, round int) (string, bucket.Bucket) {
			dir := t.TempDir()
			f, err := folder.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			return "file://" + dir, f
		})
	})
	t.Run("bucket", func(t *testing.T) {
		g := buckettest.NewGateway(t, false)
		t.Setenv("VERIFFS_TEAM_STORE_ENDPOINT", g.URL)
		killUploads(t, func(_ *testing.T, round int) (string, bucket.Bucket) {
			prefix := fmt.Sprint("round", round)
			return "s3://" + buckettest.BucketName + "/" + prefix, g.Open("", prefix)
		})
	})
}

func killUploads(t *testing.T, newStore func(t *testing.T, round int) (string, bucket.Bucket)) {
	w := newKillWorld(t)
	w.environment = append(w.environment, "VERIFFS_CACHE_SIZE=1GiB", "VERIFFS_TEAM_STORE_PATH_STYLE=true",
		"VERIFFS_TEAM_STORE_ENDPOINT="+os.Getenv("VERIFFS_TEAM_STORE_ENDPOINT"))
	scratch, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "scratch"), Limit: 1 << 30, Secrets: [][]byte{[]byte(w.Secrets()[0])}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { scratch.Close() })
	var killed, objects, leases int
	for round := range 50 {
		url, b := newStore(t, round)
		cmd := w.command("warm", "--cache-dir", filepath.Join(t.TempDir(), "cache"), "--team-store", url)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(3 * time.Second)))) // any moment will do
		if err := cmd.Process.Kill(); err != nil {
			t.Logf("round %d: %v", round, err)
		}
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() < 0 {
			killed++
		}
		for o, err := range b.List(t.Context(), "") {
			switch {
			case err != nil:
				t.Fatal(err)
			case strings.HasPrefix(o.Name, "leases/"):
				leases++
			default:
				objects++
				authentic(t, scratch, b, o)
			}
		}
	}
	t.Logf("%d of 50 were killed; %d objects, all authentic, and %d leases are left", killed, objects, leases)
	if killed == 0 || objects == 0 {
		t.Error("nothing is proved")
	}
}

// authentic fails unless an object is whole and what somebody sealed for its place.
func authentic(t *testing.T, c *cache.Cache, b bucket.Bucket, o bucket.Info) {
	t.Helper()
	begins, err := b.Head(t.Context(), o, cache.PeekSize)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := c.Peek(o.Name, begins, o.Size)
	if err != nil {
		t.Errorf("%s, %d bytes: %v", o.Name, o.Size, err)
		return
	}
	body, size, err := b.Get(t.Context(), o.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	adopted, err := c.Adopt(entry.Key, o.Name, size, body, func([]byte) error { return nil })
	if err != nil {
		t.Errorf("%s: %v", entry.Key, err)
		return
	}
	adopted.Close()
}
