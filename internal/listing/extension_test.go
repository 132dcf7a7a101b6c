package listing

import (
	"strings"
	"testing"
	"time"

	"veriffs/veriff"
)

func TestExtension(t *testing.T) {
	for mimetype, want := range map[string]string{
		"image/jpeg": "jpg", "image/jpg": "jpg", "IMAGE/JPEG": "jpg", "image/jpeg; q=1": "jpg",
		"image/png": "png", "image/webp": "webp", "image/heic": "heic", "image/heif": "heif",
		"application/pdf": "pdf", "application/json": "json", "application/json;charset=utf-8": "json",
		"video/webm": "webm", "video/mp4": "mp4",
		".jpeg": "jpg", "jpeg": "jpg", ".png": "png",
		"": "bin", "image/": "bin", "image/svg+xml": "bin", "../../x": "bin", "text/html": "bin", "jpg/../..": "bin",
	} {
		if got := extension(mimetype); got != want {
			t.Errorf("extension(%q) = %q, want %q", mimetype, got, want)
		}
	}
}

// FuzzListing decodes any body as a listing: whatever comes of it has names
// that are well formed, in order, once each, and found again.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"status":"success","images":[{"id":"2b3b3a9f-d73d-445a-aabe-9b41c1c1a2ac","mimetype":"image/jpeg","size":12}],"videos":null}`))
	f.Add([]byte(`{"status":"success","images":[{"id":"../x","mimetype":"../../x"},{"id":7},null],"nfcDocuments":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		media, err := veriff.DecodeMediaList(body)
		if err != nil {
			return
		}
		l := New(veriff.SessionID{1}, veriff.AttemptID{}, time.Time{}, media)
		last := ""
		for i := range l.Files {
			name := l.Files[i].Name()
			if len(name) < IDLen+2 || strings.ContainsAny(name, "/\x00") || !PossibleName(name) {
				t.Errorf("a name %q", name)
			}
			if name[:IDLen] <= last {
				t.Errorf("%q after %q", name, last)
			}
			last = name[:IDLen]
			if found, ok := l.Lookup(name); !ok || found != &l.Files[i] {
				t.Errorf("%q is not found again", name)
			}
			if l.Files[i].ListedSize == 0 || l.Files[i].ListedSize < UnknownSize {
				t.Errorf("%q has %d bytes", name, l.Files[i].ListedSize)
			}
		}
	})
}
