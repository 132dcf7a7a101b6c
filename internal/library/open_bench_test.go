package library_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// BenchmarkCachedOpen opens and closes files that are all cached, of 200
// sessions of nine: what is left is the library's own cost, prefetch included. The
// processor's time tells more than the other one on a machine that has other work.
func BenchmarkCachedOpen(b *testing.B) {
	world := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 200, Files: 9, FileSize: 2000}})
	server, err := sandbox.Listen(world)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	client, err := veriff.New(veriff.Config{BaseURL: server.URL, APIKey: world.APIKey, Secrets: world.Secrets()})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	store, err := cache.Open(cache.Options{
		Dir: filepath.Join(b.TempDir(), "cache"), Limit: 256 << 20, Secrets: [][]byte{[]byte(world.Secrets()[0])},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	lib, err := library.New(library.Options{Client: client, Cache: store})
	if err != nil {
		b.Fatal(err)
	}
	defer lib.Close()
	ids := world.SessionIDs()
	slices.SortFunc(ids, veriff.SessionID.Compare)
	lib.SetSessions(ids)
	if _, err := lib.Warm(b.Context(), warming.Options{}, nil); err != nil {
		b.Fatal(err)
	}
	var files []*library.File
	for _, id := range ids {
		list, err := lib.Session(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		for i := range list.Files {
			files = append(files, &list.Files[i])
		}
	}
	run := func(b *testing.B) {
		before := processorTime(b)
		for i := 0; b.Loop(); i++ {
			handle, err := lib.Open(b.Context(), files[i%len(files)])
			if err != nil {
				b.Fatal(err)
			}
			handle.Close()
		}
		b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
	}
	all := files
	files = files[:1]
	b.Run("the same", run)
	handle, err := lib.Open(b.Context(), files[0])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("one that is open", run)
	handle.Close()
	files = all
	b.Run("in order", run)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	b.Run("at random", run)
}

// processorTime is what this process has used of it.
func processorTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
