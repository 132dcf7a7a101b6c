package cache

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"veriffs/cache/index"
)

// TestBoundUnderLoad writes, reads and erases in parallel while it samples the
// bytes on disk: never more than the limit, and never wrong bytes.
func TestBoundUnderLoad(t *testing.T) {
	o := testOptions(t)
	o.Limit = 6 << 20
	c := open(t, o)
	const workers, rounds, keys = 8, 60, 60 // of 9 MB: they do not all fit
	want := func(i int) []byte { return content(uint64(i), (i*37%300)<<10) }
	var wg sync.WaitGroup
	for id := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(id), 2))
			for range rounds {
				i := rnd.IntN(keys)
				k := Key(fmt.Sprint("key", i))
				got, ok := get(t, c, k)
				switch {
				case ok && !bytes.Equal(got, want(i)):
					t.Errorf("%s: wrong bytes", k)
				case !ok:
					size := int64(len(want(i)))
					if rnd.IntN(2) == 0 {
						size = -1
					}
					w, err := c.Create(k, size)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := w.Write(want(i)); err != nil {
						t.Error(err)
					}
					obj, err := w.Commit([]byte("label of " + k))
					if err != nil {
						t.Error(err)
						return
					}
					obj.Close()
				case rnd.IntN(10) == 0:
					if err := c.Remove(k); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	samples := 0
	for running := true; running; samples++ {
		select {
		case <-done:
			running = false
		default:
		}
		if n := du(t, o.Dir); n > o.Limit {
			t.Errorf("%d bytes on disk, limit %d", n, o.Limit)
		}
	}
	if s := c.Stats(); s.Bypassed || s.Damaged != 0 || s.Evictions == 0 || samples < 10 {
		t.Errorf("%+v, %d samples", s, samples)
	}
	checkCounts(t, c)
}

// TestLeastRecentlyUsedGoesFirst checks the order of eviction, also after a crash.
func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	for _, restart := range []bool{false, true} {
		o := testOptions(t)
		o.Limit = 8 << 20
		clock := newClock()
		o.Now = clock.now
		c := open(t, o)
		for i := range 10 {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
			clock.advance(index.TouchSeconds + 1)
		}
		for _, i := range []int{2, 0, 4} {
			wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
			clock.advance(index.TouchSeconds + 1)
		}
		if restart {
			crash(c) // the order must be on disk by now
			c = open(t, o)
		}
		for i := 10; i < 20; i++ {
			put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
			wantHit(t, c, "2", content(2, 500<<10)) // in use all the time
		}
		wantMiss(t, c, "1")
		wantMiss(t, c, "3")
		for _, i := range []int{0, 4, 9} { // used later
			wantHit(t, c, Key(fmt.Sprint(i)), content(uint64(i), 500<<10))
		}
	}
}

// TestReadersKeepWhatTheyOpened removes and replaces an open object: its reader
// reads on, and the bytes count until it is closed.
func TestReadersKeepWhatTheyOpened(t *testing.T) {
	c := open(t, testOptions(t))
	waitLoaded(t, c)
	old, fresh := content(1, 300<<10), content(2, 200<<10)
	for what, replace := range map[string]func(){
		"removed":  func() { c.Remove("k") },
		"replaced": func() { put(t, c, "k", fresh) },
		"evicted":  func() { c.store.Load().unlink(0, c.secrets[0].Name("k"), 0) },
	} {
		put(t, c, "k", old)
		o, ok := c.Get("k")
		if !ok {
			t.Fatal("miss")
		}
		replace()
		if s := c.Stats(); s.Bytes < 300<<10 {
			t.Errorf("%s: %d bytes counted while the object is open", what, s.Bytes)
		}
		got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err != nil || !bytes.Equal(got, old) {
			t.Errorf("%s: read %d bytes, %v", what, len(got), err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		c.Remove("k")
		if s := c.Stats(); s.Bytes >= 100<<10+slack {
			t.Errorf("%s: %d bytes counted after everything was closed", what, s.Bytes)
		}
	}
	checkCounts(t, c)
}

// TestNoRoom serves objects larger than the cache. Nothing is evicted in vain and
// nothing is left behind.
func TestNoRoom(t *testing.T) {
	o := testOptions(t)
	o.Limit = 4 << 20
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	c := open(t, o)
	small := content(1, 100<<10)
	put(t, c, "small", small)
	for _, size := range []int{5 << 20, 21 << 20} {
		for _, hint := range []int64{int64(size), -1, 10} {
			if size > 16<<20 && hint == 10 {
				continue
			}
			want := content(3, size)
			w, err := c.Create("large", hint)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(w, bytes.NewReader(want)); err != nil {
				t.Fatal(err)
			}
			obj, err := w.Commit([]byte("label"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Size()))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("size %d, hint %d: %v", size, hint, err)
			}
			if n := du(t, o.Dir); n > o.Limit {
				t.Errorf("%d bytes on disk, limit %d", n, o.Limit)
			}
			if names, _ := os.ReadDir(temp); len(names) != 0 {
				t.Errorf("named files in the temporary directory: %v", names)
			}
			obj.Close()
			wantMiss(t, c, "large")
		}
	}
	if s := c.Stats(); s.Memory != 0 || s.Bypassed {
		t.Errorf("%+v", s)
	}
	put(t, c, "again", small)
	wantHit(t, c, "again", small)
	checkCounts(t, c)
}

// TestLowerLimit opens a cache that holds more than its new limit.
func TestLowerLimit(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	for i := range 40 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 300<<10))
	}
	c.Close()
	o.Limit = 5 << 20
	c = open(t, o)
	put(t, c, "one more", content(99, 1000)) // waits for the room
	if n := du(t, o.Dir); n > o.Limit {
		t.Errorf("%d bytes on disk, limit %d", n, o.Limit)
	}
	checkCounts(t, c)
}

// TestMinFree leaves free what it must, whoever else fills the file system.
func TestMinFree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fs")
	mountTmpfs(t, dir, "size=16m,mode=0700")
	o := testOptions(t)
	o.Dir, o.Limit, o.MinFree = filepath.Join(dir, "cache"), 1<<30, 0.5
	c := open(t, o)
	for i := range 30 {
		put(t, c, Key(fmt.Sprint(i)), content(uint64(i), 1<<20))
	}
	if n := du(t, o.Dir); n > 8<<20 || n < 4<<20 {
		t.Errorf("%d bytes on disk of a file system of 16 MiB of which half stays free", n)
	}
	if s := c.Stats(); s.Bypassed || s.Evictions == 0 {
		t.Errorf("%+v", s)
	}
	wantHit(t, c, "29", content(29, 1<<20))
	if err := os.WriteFile(filepath.Join(dir, "another"), make([]byte, 7<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	want := content(50, 1<<20)
	w, err := c.Create("50", int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(want)
	obj, err := w.Commit(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	got := make([]byte, len(want))
	if _, err := obj.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Error(err)
	}
	if n := du(t, o.Dir); n > 8<<20 {
		t.Errorf("%d bytes on disk", n)
	}
}

// TestNothingInClear stores known contents in every way and looks for any 16
// bytes of them in every file below the cache's directory.
func TestNothingInClear(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	const secretText = "Erika Mustermann, geboren am 12.08.1983 in Berlin, Passport C01X00T47"
	text := []byte(strings.Repeat(secretText, 5000))
	key := Key("media/aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7")
	put(t, c, key, text)
	if err := c.Pin(key); err != nil {
		t.Fatal(err)
	}
	w, err := c.Create("session/f04bdb47-d3be-4b28-b028-a652feb060b5", -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil { // and left unfinished
		t.Fatal(err)
	}
	windows := map[string]bool{}
	for _, s := range []string{secretText + secretText, string(key), "session/f04bdb47-d3be-4b28-b028-a652feb060b5", "label of " + string(key), string(o.Secrets[0])} {
		for i := 0; i+16 <= len(s); i++ {
			windows[s[i:i+16]] = true
		}
	}
	check := func() (bytesSeen int) {
		t.Helper()
		err := filepath.Walk(o.Dir, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			if perm := info.Mode().Perm(); perm != 0o600 {
				t.Errorf("%s: mode %o", path, perm)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b = append(b, path...)
			bytesSeen += len(b)
			for i := 0; i+16 <= len(b); i++ {
				if windows[string(b[i:i+16])] {
					t.Fatalf("%s has %q", path, b[i:i+16])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return bytesSeen
	}
	if n := check(); n < len(text) {
		t.Errorf("only %d bytes seen", n)
	}
	w.Abort()
	c.Close()
	check()
}
