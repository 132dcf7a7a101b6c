package cache_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"veriffs/cache"
)

func Example() {
	dir, err := os.MkdirTemp("", "veriffs-example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := cache.Open(cache.Options{
		Dir:     filepath.Join(dir, "cache"),
		Limit:   64 << 20,
		Secrets: [][]byte{[]byte("the integration's shared secret")},
	})
	if err != nil {
		panic(err) // an *OpenError has a hint for the user
	}
	defer c.Close()

	w, err := c.Create("media/1", -1)
	if err != nil {
		panic(err)
	}
	defer w.Abort() // which does nothing after Commit
	fmt.Fprint(w, "hello, ")
	fmt.Fprint(w, "world")
	o, err := w.Commit([]byte("image/jpeg"))
	if err != nil {
		panic(err)
	}
	o.Close()

	o, ok := c.Get("media/1")
	if !ok {
		panic("a miss: fetch it again")
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	fmt.Printf("%s: %s, %v\n", o.Label(), b, err)
	// Output: image/jpeg: hello, world, <nil>
}

// A limit that is too small for the object makes no difference to its reader.
func ExampleWriter_Commit() {
	dir, err := os.MkdirTemp("", "veriffs-example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := cache.Open(cache.Options{Dir: filepath.Join(dir, "cache"), Limit: 1, Ephemeral: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	w, err := c.Create("media/1", 5)
	if err != nil {
		panic(err)
	}
	defer w.Abort()
	fmt.Fprint(w, "hello")
	o, err := w.Commit(nil)
	if err != nil {
		panic(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	fmt.Printf("%s, %v\n", b, err)
	o.Close()
	fmt.Println("in the cache:", c.Has("media/1"))
	// Output:
	// hello, <nil>
	// in the cache: false
}

// Purge erases by what was sealed with the objects, and proves it.
func ExampleCache_PurgeAll() {
	dir, err := os.MkdirTemp("", "veriffs-example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := cache.Open(cache.Options{Dir: filepath.Join(dir, "cache"), Limit: 64 << 20, Ephemeral: true})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	w, err := c.Create("media/1", 0)
	if err != nil {
		panic(err)
	}
	o, err := w.Commit(nil)
	if err != nil {
		panic(err)
	}
	o.Close()
	r, err := c.PurgeAll(context.Background(), func(cache.Key, []byte, time.Time) bool { return true })
	fmt.Println(len(r.Erased), "erased, proven:", r.Proven, err)
	// Output: 1 erased, proven: true <nil>
}
