package s3bucket_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/s3bucket"
)

// hostile opens a bucket of a server that answers as it likes.
func hostile(t *testing.T, answer http.HandlerFunc) *s3bucket.Bucket {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "anybody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "anything")
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	b, err := s3bucket.Open(t.Context(), s3bucket.Options{Bucket: "b", Prefix: "prefix", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestEndlessAnswers: a server can't fill our memory with what it says besides objects.
func TestEndlessAnswers(t *testing.T) {
	const endless = 256 << 20
	var sent atomic.Int64
	for what, c := range map[string]struct {
		status int
		use    func(b *s3bucket.Bucket) error
	}{
		"an error": {http.StatusForbidden, func(b *s3bucket.Bucket) error {
			_, _, err := b.Get(t.Context(), "aa/1")
			return err
		}},
		"a listing": {http.StatusOK, func(b *s3bucket.Bucket) error { return b.Check(t.Context()) }},
		"versions": {http.StatusOK, func(b *s3bucket.Bucket) error {
			for _, err := range b.List(t.Context(), "") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		"an upload": {http.StatusForbidden, func(b *s3bucket.Bucket) error { return b.Put(t.Context(), "aa/1", strings.NewReader("x")) }},
	} {
		t.Run(what, func(t *testing.T) {
			sent.Store(0)
			b := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				text := []byte("<?xml version=\"1.0\"?>" + strings.Repeat(" ", 1<<20))
				for sent.Load() < endless {
					n, err := w.Write(text)
					if sent.Add(int64(n)); err != nil {
						return
					}
				}
			})
			if err := c.use(b); err == nil {
				t.Error("no error")
			}
			if sent.Load() >= endless {
				t.Error("all of it was read")
			}
		})
	}
}

// TestForeignNames: names that a server was not asked for are an error, not a panic.
func TestForeignNames(t *testing.T) {
	for _, page := range []string{
		"<ListVersionsResult><Version><Key>short</Key><IsLatest>true</IsLatest></Version></ListVersionsResult>",
		"<ListVersionsResult><Version><Key>another/name</Key></Version></ListVersionsResult>",
		"<ListVersionsResult><Version></Version></ListVersionsResult>",
	} {
		b := hostile(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) })
		var last error
		for o, err := range b.List(t.Context(), "") {
			if last = err; err == nil {
				t.Errorf("%s: %+v", page, o)
			}
		}
		if last == nil {
			t.Errorf("%s: no error", page)
		}
	}
}

// TestEndlessVersions: a server that lists versions of an object without an end is given
// up.
func TestEndlessVersions(t *testing.T) {
	var n atomic.Int64
	b := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<ListVersionsResult><IsTruncated>true</IsTruncated>")
		for range 10_000 {
			fmt.Fprintf(w, "<Version><Key>prefix/aa/1</Key><VersionId>%d</VersionId></Version>", n.Add(1))
		}
		fmt.Fprintf(w, "<NextKeyMarker>prefix/aa/1</NextKeyMarker><NextVersionIdMarker>%d</NextVersionIdMarker></ListVersionsResult>", n.Load())
	})
	if _, err := b.Remove(t.Context(), "aa/1"); err == nil || !strings.Contains(err.Error(), "versions") {
		t.Error(err)
	}
}

// TestLongMessage: what a server says is quoted as far as it is short.
func TestLongMessage(t *testing.T) {
	b := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>%s</Message></Error>", strings.Repeat("ä", 10_000))
	})
	_, err := b.Stat(t.Context(), "aa/1")
	if err == nil {
		t.Fatal("no error")
	}
	_, _, err = b.Get(t.Context(), "aa/1")
	if err == nil || len(err.Error()) > 1000 || !strings.Contains(err.Error(), bucket.ErrDenied.Error()) {
		t.Errorf("%.2000v", err)
	}
}
