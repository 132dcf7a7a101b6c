//go:build linux

package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// benchSize is a short video's; benchRead is what a mount's read-ahead asks for.
const (
	benchSize = 20 << 20
	benchRead = 1 << 20
)

func benchCache(b *testing.B) *Cache {
	o := testOptions(b)
	o.Limit = 4 << 30
	return open(b, o)
}

// dropPages empties the page cache of one file.
func dropPages(fd int) error {
	return errors.Join(unix.Fsync(fd), unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED))
}

// ratio times a sealed and a plain way to do the same in turns, so that what
// else the machine does weighs on both, and reports plain/sealed: 1 is as
// fast as plain. reset, which may be nil, is not timed.
func ratio(b *testing.B, bytes int64, sealed, plain, reset func() error) {
	var took [2][]time.Duration
	b.ReportAllocs()
	b.SetBytes(2 * bytes)
	for b.Loop() {
		for i, f := range []func() error{sealed, plain} {
			if reset != nil {
				b.StopTimer()
				if err := reset(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			start := time.Now()
			if err := f(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	var rate [2]float64 // MB/s, of the median: a disk has rounds that take ten times as long
	for i := range rate {
		slices.Sort(took[i])
		rate[i] = float64(bytes) / 1e6 / took[i][len(took[i])/2].Seconds()
	}
	b.ReportMetric(rate[0], "sealed-MB/s")
	b.ReportMetric(rate[1], "plain-MB/s")
	b.ReportMetric(rate[0]/rate[1], "ratio")
}

func sequential(r io.ReaderAt) func() error {
	buf := make([]byte, benchRead)
	return func() error {
		for off := int64(0); off < benchSize; off += benchRead {
			if _, err := r.ReadAt(buf, off); err != nil {
				return err
			}
		}
		return nil
	}
}

func plainFile(b *testing.B) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if _, err := f.Write(content(1, benchSize)); err != nil {
		b.Fatal(err)
	}
	return f
}

func sealedObject(b *testing.B) *Object {
	c := benchCache(b)
	put(b, c, "k", content(1, benchSize))
	o, ok := c.Get("k")
	if !ok {
		b.Fatal("miss")
	}
	b.Cleanup(func() { o.Close() })
	return o
}

func BenchmarkSequentialRead(b *testing.B) {
	f, o := plainFile(b), sealedObject(b)
	b.Run("warm", func(b *testing.B) { ratio(b, benchSize, sequential(o), sequential(f), nil) })
	b.Run("cold", func(b *testing.B) {
		ratio(b, benchSize, sequential(o), sequential(f), func() error {
			return errors.Join(dropPages(int(f.Fd())), dropPages(o.src.(*directory.File).Fd()))
		})
	})
}

func random(r io.ReaderAt) func() error {
	buf := make([]byte, 4096)
	i := int64(0)
	return func() error {
		i++
		_, err := r.ReadAt(buf, i*7919*4096%benchSize)
		return err
	}
}

func BenchmarkRandomRead4K(b *testing.B) {
	f, o := plainFile(b), sealedObject(b)
	b.Run("warm", func(b *testing.B) { ratio(b, 4096, random(o), random(f), nil) })
	b.Run("cold", func(b *testing.B) {
		ratio(b, 4096, random(o), random(f), func() error { return errors.Join(dropPages(int(f.Fd())), dropPages(o.src.(*directory.File).Fd())) })
	})
}

// inPieces writes as io.Copy does.
func inPieces(w io.Writer, data []byte) error {
	const piece = 32 << 10
	for ; len(data) > 0; data = data[min(piece, len(data)):] {
		if _, err := w.Write(data[:min(piece, len(data))]); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{300 << 10, benchSize} {
		data := content(1, size)
		c, dir := benchCache(b), b.TempDir()
		i := 0
		sealed := func() error {
			i++
			w, err := c.Create(Key(fmt.Sprint(i%4)), int64(size))
			if err != nil {
				return err
			}
			if err := inPieces(w, data); err != nil {
				return err
			}
			o, err := w.Commit(nil)
			if err != nil {
				return err
			}
			return o.Close()
		}
		plain := func() error {
			name := filepath.Join(dir, fmt.Sprint(i%4))
			f, err := os.Create(name + ".tmp")
			if err != nil {
				return err
			}
			if err := inPieces(f, data); err != nil {
				return err
			}
			return errors.Join(f.Close(), os.Rename(name+".tmp", name))
		}
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) { ratio(b, int64(size), sealed, plain, nil) })
	}
}

func BenchmarkOpenHit(b *testing.B) {
	c := benchCache(b)
	for i := range 1000 {
		put(b, c, Key(fmt.Sprint(i)), content(uint64(i), 1000))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o, ok := c.Get(Key(fmt.Sprint(i % 1000)))
		if !ok {
			b.Fatal("miss")
		}
		o.Close()
	}
}

// BenchmarkIndex reports what one object costs in memory, of a million.
func BenchmarkIndex(b *testing.B) {
	const objects = 1_000_000
	for b.Loop() {
		all := make([]index.Object, objects)
		for i := range all {
			all[i].Name = seal.Name(content(uint64(i), 16))
			all[i].Name[0], all[i].Name[1], all[i].Name[2] = byte(i), byte(i>>8), byte(i>>16)
			all[i].Size, all[i].Inode = 4096, uint64(i+1)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := index.New(1 << 50)
		found := index.NewFound()
		for _, o := range all {
			found.Add(o)
		}
		x.Load(found, func(e index.Entry) int64 { return e.Used })
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/objects, "B/object")
		runtime.KeepAlive(x)
		runtime.KeepAlive(all)
	}
}

// BenchmarkStart reports how long Open takes with a million objects on disk,
// how long an open that comes before the index is loaded, and when it is.
// The files are as long as an object's header and, but for one, not sealed:
// the index does not read them.
func BenchmarkStart(b *testing.B) {
	const objects = 1_000_000
	o := testOptions(b)
	o.Limit = 1 << 40
	c := open(b, o)
	put(b, c, "k", content(1, 1000))
	dir := filepath.Join(o.Dir, c.secrets[0].Dir())
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	for i := range objects {
		var n seal.Name
		binary.BigEndian.PutUint32(n[:], uint32(i*2654435761))
		shard := filepath.Join(dir, n.String()[:2])
		if i < 1000 {
			os.Mkdir(shard, 0o700)
		}
		f, err := os.OpenFile(filepath.Join(shard, n.String()), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Truncate(seal.HeaderSize); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	for b.Loop() {
		start := time.Now()
		c, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms-to-open")
		start = time.Now()
		obj, ok := c.Get("k")
		if !ok {
			b.Fatal("miss")
		}
		b.ReportMetric(float64(time.Since(start).Microseconds()), "us-first-hit")
		obj.Close()
		if !c.Stats().Loading {
			b.Log("the index was loaded already: the first hit proves little")
		}
		waitLoaded(b, c)
		b.ReportMetric(time.Since(start).Seconds(), "s-to-load")
		if n := c.Stats().Objects; n < objects*99/100 {
			b.Fatalf("%d objects", n)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewObject writes small objects, each under a key of its own.
func BenchmarkNewObject(b *testing.B) {
	c, data := benchCache(b), content(1, 3000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		put(b, c, Key(fmt.Sprint(i)), data)
	}
}
