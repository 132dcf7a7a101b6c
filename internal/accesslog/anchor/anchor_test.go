package anchor

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseAnchor(t *testing.T) {
	for _, text := range []string{"", "syslog", "syslog:x", "exec:", "file:", "s3://bucket", "tape:x"} {
		if a, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, a)
		}
	}
	for _, text := range []string{"syslog:", "exec:cat", "file:/tmp/x"} {
		if a, err := Parse(text); err != nil || a.Name() != text {
			t.Errorf("%q is %v, %v", text, a, err)
		}
	}
	for text, want := range map[string]string{
		"exec:send --password hidden": "exec:send …", "exec:PASSWORD='hidden word' send": "exec:…", "exec:./send\n": "exec:./send …",
	} {
		if a, err := Parse(text); err != nil || a.Name() != want {
			t.Errorf("%q is %v, %v", text, a, err)
		}
	}
}

// TestFileIsRegular: a checkpoint goes to no pipe, which would block once it is full.
func TestFileIsRegular(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := fileAnchor(path).Publish(t.Context(), []byte("checkpoint")); err == nil {
		t.Error("published to a pipe")
	}
}
