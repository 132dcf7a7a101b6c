package command

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/s3bucket"
)

// hanging is a bucket whose calls end when they like.
type hanging struct {
	bucket.Bucket
	gate chan struct{}
}

func (h hanging) Check(context.Context) error {
	<-h.gate
	return nil
}

func (hanging) String() string { return "file:///hangs" }

// TestHangingFolder: a file system that hangs keeps the start of a mount waiting for a
// moment only.
func TestHangingFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		if _, err := inTime(t.Context(), func(context.Context) (int, error) { <-gate; return 1, nil }); !errors.Is(err, errHangs) {
			t.Error("opened:", err)
		}
		var log bytes.Buffer
		if err := checkTeam(t.Context(), hanging{gate: gate}, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Error("checked:", err)
		}
		if !strings.Contains(log.String(), "does not answer") {
			t.Error("logged:", log.String())
		}
		close(gate)
	})
}

// TestUnencryptedStore: plain HTTP to another machine is told.
func TestUnencryptedStore(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	for endpoint, want := range map[string]bool{
		"": false, "https://s3.example.com": false, "http://localhost:9000": false, "http://127.0.0.1": false, "http://[::1]:1": false,
		"http://s3.example.com": true, "http://10.0.0.1:9000": true,
	} {
		var log bytes.Buffer
		o := teamOptions{scheme: "s3", s3: s3bucket.Options{Bucket: "b", Endpoint: endpoint}}
		b, err := o.bucket(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if got := strings.Contains(log.String(), "plain http"); got != want {
			t.Errorf("%q: %q", endpoint, log.String())
		}
	}
}
