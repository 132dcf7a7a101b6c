package library

import (
	"path/filepath"
	"testing"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// TestWalkBegunAnew: after a pause of all walks another file of a session is a
// first one, whatever was fetched ahead before.
func TestWalkBegunAnew(t *testing.T) {
	secret := "a secret for tests that is long"
	client, err := veriff.New(veriff.Config{BaseURL: "http://127.0.0.1:1", APIKey: "6a1f0c52-3d8e-4b7a-9c10-5e2d4f8b7a63", Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 16 << 20, Secrets: [][]byte{[]byte(secret)}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lib, err := New(Options{Client: client, Cache: store})
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	var media veriff.MediaList
	for i := range 9 {
		media.Items = append(media.Items, veriff.Media{ID: veriff.MediaID{15: byte(i + 1)}, Size: 1000})
	}
	list := listing.New(veriff.SessionID{15: 1}, veriff.AttemptID{}, lib.now(), media)

	r := &lib.ahead
	r.opened(&list.Files[0])
	r.opened(&list.Files[1])
	if w := r.files[0]; w.window == 0 || len(w.ahead) == 0 {
		t.Fatalf("two neighbours: window %d, %d files ahead", w.window, len(w.ahead))
	}
	r.mu.Lock()
	r.lulls++
	r.mu.Unlock()
	r.opened(&list.Files[7])
	if w := r.files[0]; len(r.files) != 1 || w.window != 0 || len(w.ahead) != 0 || w.opened != 1 {
		t.Errorf("%d walks; window %d, %d files ahead, %d opened", len(r.files), w.window, len(w.ahead), w.opened)
	}
}
