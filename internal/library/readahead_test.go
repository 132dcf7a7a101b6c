package library

import (
	"path/filepath"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// newUnreachable returns a library whose API can't be reached, and a listing.
func newUnreachable(t *testing.T) (*Library, *Listing) {
	t.Helper()
	const secret = "a secret for tests that is long"
	client, err := veriff.New(veriff.Config{BaseURL: "http://127.0.0.1:1", APIKey: "6a1f0c52-3d8e-4b7a-9c10-5e2d4f8b7a63", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 16 << 20, Secrets: [][]byte{[]byte(secret)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	lib, err := New(Options{Client: client, Cache: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lib.Close)
	var media veriff.MediaList
	for i := range 9 {
		media.Items = append(media.Items, veriff.Media{ID: veriff.MediaID{15: byte(i + 1)}, Size: 1000})
	}
	return lib, listing.New(veriff.SessionID{15: 1}, veriff.AttemptID{}, lib.now(), media)
}

// TestSlowDiskStallsNoOpen: while the disk is asked for a file to fetch ahead,
// other files are opened and planned for.
func TestSlowDiskStallsNoOpen(t *testing.T) {
	lib, list := newUnreachable(t)
	asked, answer := make(chan veriff.MediaID), make(chan bool)
	defer close(answer)
	lib.ahead.cached = func(id veriff.MediaID) bool {
		select {
		case asked <- id:
		case <-answer:
		}
		<-answer
		return true
	}
	opened := make(chan bool)
	go func() {
		defer close(opened)
		for i := range 4 {
			lib.ahead.opened(&list.Files[i])
		}
	}()
	for waits := 0; waits < 2; waits++ { // two plans ask, and neither has an answer
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("the second plan waits for the first")
		}
	}
	select {
	case <-opened:
	case <-time.After(30 * time.Second):
		t.Fatal("an open waits for the disk")
	}
}
