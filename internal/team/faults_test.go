package team_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/team"
)

// TestObjectStorage: a real server of object storage does what a folder does, and shows
// no id, label or content in its files.
func TestObjectStorage(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	b := g.Open("", "team")
	one, two := join(t, b), join(t, b)
	for i := range 20 {
		one.read(one.want(cache.Key(fmt.Sprint("media/", i))))
	}
	if s := one.settled(); s.Shared != 20 || s.Misses != 20 {
		t.Errorf("the first: %+v", s)
	}
	for i := range 20 {
		two.read(two.want(cache.Key(fmt.Sprint("media/", i))))
	}
	if s := two.settled(); s.Hits != 20 || two.asked.Load() != 0 {
		t.Errorf("the second: %+v", s)
	}
	seen := 0
	err := filepath.WalkDir(g.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		text := append(readFile(t, path), path...)
		for i := range 20 {
			k := cache.Key(fmt.Sprint("media/", i))
			for _, telling := range [][]byte{content(k)[:16], []byte("label of"), []byte("media/")} {
				if bytes.Contains(text, telling) {
					t.Errorf("%s tells %q", path, telling)
				}
			}
		}
		return nil
	})
	if err != nil || seen != 20 {
		t.Errorf("%d files, %v", seen, err)
	}
	if e := two.store.Erase(t.Context(), all, nil); !e.Proven || len(e.Erased) != 20 {
		t.Errorf("%+v", e)
	}
}

// TestEraseVersions: an erasure takes all versions that a bucket keeps, those of
// replaced objects too.
func TestEraseVersions(t *testing.T) {
	g := buckettest.NewGateway(t, true)
	b := g.Open("", "team")
	one := join(t, b)
	one.read(one.want("a"))
	one.settled()
	path := one.cache.SharedPaths("a")[0]
	s, ok := one.cache.Export("a", false)
	if !ok {
		t.Fatal("not handed out")
	}
	defer s.Close()
	for range 2 {
		if _, err := s.Body.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := b.Replace(t.Context(), path, s.Body); err != nil {
			t.Fatal(err)
		}
	}
	e := one.store.Erase(t.Context(), all, nil)
	if !e.Proven || e.Versions != 3 {
		t.Errorf("%+v", e)
	}
	for o, err := range b.List(t.Context(), "") {
		if lease := strings.HasPrefix(o.Name, "leases/") && o.Size == 0; !lease || err != nil {
			t.Errorf("left: %+v, %v", o, err)
		}
	}
}

// TestServerFaults: whatever a server does, the bytes are right, the API is asked where
// the server fails, and the server is used again when it is well.
func TestServerFaults(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	p := buckettest.NewProxy(t, g.URL)
	b := g.Open(p.URL, "team")
	one := join(t, b)
	const files = 3 // fewer than it takes to be left alone
	keys := make([]cache.Key, files)
	for i := range keys {
		keys[i] = cache.Key(fmt.Sprint("media/", i))
		one.read(one.want(keys[i]))
	}
	one.settled()
	held := make(chan struct{})
	defer close(held)
	gets := func(r *http.Request) bool { return r.Method == http.MethodGet }
	for _, c := range []struct {
		name  string
		fault buckettest.Fault
		hasty bool
		count func(team.Stats) int64 // has counted each file
	}{
		{"slow", buckettest.Fault{Match: gets, Hold: held}, true, nil},
		{"stalls", buckettest.Fault{Match: gets, Stall: held}, true, nil},
		{"cut", buckettest.Fault{Match: gets, Cut: true}, false, func(s team.Stats) int64 { return s.Failed }},
		{"reset", buckettest.Fault{Match: gets, Reset: true}, false, func(s team.Stats) int64 { return s.Failed }},
		{"forbidden", buckettest.Fault{Match: gets, Status: http.StatusForbidden, Code: "AccessDenied"}, false, func(s team.Stats) int64 { return s.Failed }},
		{"overloaded", buckettest.Fault{Match: gets, Status: http.StatusServiceUnavailable, Code: "SlowDown"}, false, func(s team.Stats) int64 { return s.Failed }},
		{"wrong bytes", buckettest.Fault{Match: gets, Flip: true}, false, func(s team.Stats) int64 { return s.Refused }},
		{"no bucket", buckettest.Fault{Match: gets, Status: http.StatusNotFound, Code: "NoSuchBucket"}, false, func(s team.Stats) int64 { return s.Failed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := join(t, b, func(_ *cache.Options, o *team.Options) {
				if c.hasty {
					o.Patience = time.Millisecond
				}
			})
			p.Set(c.fault)
			for _, k := range keys {
				if m.read(m.want(k)) {
					t.Errorf("%s came from the server", k)
				}
			}
			if n := m.asked.Load(); n != files {
				t.Errorf("the API was asked for %d of %d files", n, files)
			}
			if s := m.store.Stats(); c.count != nil && (c.count(s) != files || s.ReadDown != nil) {
				t.Errorf("%+v", s)
			}
			p.Set(buckettest.Fault{})
			m.settled()
			well := join(t, b)
			for _, k := range keys {
				if !well.read(well.want(k)) {
					t.Errorf("%s does not come from the server afterwards", k)
				}
			}
		})
	}
}

// TestServerRestarts: a server that was killed and started again is used again, with all
// that it had.
func TestServerRestarts(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	b := g.Open("", "team")
	m := join(t, b)
	m.read(m.want("a"))
	m.settled()
	g.Stop()
	for i := range 8 {
		if m.read(m.want(cache.Key(fmt.Sprint(i)))) {
			t.Error("read from a server that is dead")
		}
	}
	if s := m.store.Stats(); s.ReadDown == nil {
		t.Errorf("%+v", s)
	}
	g.Start()
	if s := m.settled(); s.WriteDown != nil {
		t.Errorf("%+v", s)
	}
	if err := m.cache.Remove("a"); err != nil {
		t.Fatal(err)
	}
	for !m.read(m.want("a")) { // after a pause
		if err := m.cache.Remove("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
