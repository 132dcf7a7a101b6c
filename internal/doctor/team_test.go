package doctor

import (
	"context"
	"os"
	"testing"

	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/bucket/s3bucket"
)

func TestBrokenTeamFolder(t *testing.T) {
	for _, b := range []broken{
		{"team store", Fail, "missing", func(_ *testing.T, w *world) { w.TeamDir = w.path("none") }},
		{"team store", Fail, "missing", func(_ *testing.T, w *world) { w.TeamDir = w.path("sessions") }},
	} {
		b.test(t)
	}
	w := newWorld(t)
	w.TeamDir = w.path("team")
	must(t, os.Mkdir(w.TeamDir, 0o700))
	if f := w.find(t, "team store"); f.Verdict != OK {
		t.Errorf("%+v", f)
	}
}

// TestBrokenTeamBucket asks a real server of object storage.
func TestBrokenTeamBucket(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	asks := func(o s3bucket.Options) func(context.Context) error {
		return func(ctx context.Context) error {
			b, err := s3bucket.Open(ctx, o)
			if err != nil {
				return err
			}
			defer b.Close()
			return b.Check(ctx)
		}
	}
	there := s3bucket.Options{Bucket: buckettest.BucketName, Endpoint: g.URL, PathStyle: true}
	w := newWorld(t)
	w.TeamBucket = asks(there)
	if f := w.find(t, "team store"); f.Verdict != OK || f.Facts["used"] != true {
		t.Errorf("%+v", f)
	}
	for _, b := range []broken{
		{"team store", Fail, "missing", func(_ *testing.T, w *world) {
			w.TeamBucket = asks(s3bucket.Options{Bucket: "none", Endpoint: g.URL, PathStyle: true})
		}},
		{"team store", Fail, "denied", func(t *testing.T, w *world) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", "mistyped")
			w.TeamBucket = asks(there)
		}},
		{"team store", Fail, "misconfigured", func(t *testing.T, w *world) {
			t.Setenv("AWS_REGION", "")
			w.TeamBucket = asks(s3bucket.Options{Bucket: "b"}) // where it is nobody knows
		}},
		{"team store", Warn, "no-answer", func(_ *testing.T, w *world) {
			g.Stop()
			w.TeamBucket = asks(there)
		}},
	} {
		b.test(t)
	}
}
