package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const gatewayPattern = "../../bin/versitygw-*"

// TestDemo: the demonstration shows what it promises, and leaves no mount.
func TestDemo(t *testing.T) {
	require(t)
	veriffs := filepath.Join(t.TempDir(), "veriffs")
	if out, err := exec.Command("go", "build", "-o", veriffs, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out bytes.Buffer
	err := run(t.Context(), veriffs, gatewayPattern, &out)
	if err != nil || !strings.Contains(out.String(), "The API was asked for 0 files.\n") || !strings.Contains(out.String(), "Both have the same bytes.\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), "veriffs-demo-team-") {
		t.Errorf("a mount is left, or %v", err)
	}
}

// TestNoStorage: without a server there is an error that says so.
func TestNoStorage(t *testing.T) {
	err := run(t.Context(), "veriffs", filepath.Join(t.TempDir(), "versitygw-*"), new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "make demo-team installs it") {
		t.Error(err)
	}
}

// TestNewest: versions are no words.
func TestNewest(t *testing.T) {
	const want = "/a-b/versitygw-v1.10.0"
	if got := newestOf([]string{"/a-b/versitygw-v1.8.0", want, "/a-b/versitygw-v1.9.9"}); got != want {
		t.Error(got)
	}
}

// require skips the test where something is missing, but not in CI.
func require(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(gatewayPattern)
	if err != nil {
		t.Fatal(err)
	}
	missing := ""
	switch _, err := os.Stat("/dev/fuse"); {
	case err != nil:
		missing = "/dev/fuse"
	case len(found) == 0:
		missing = "versitygw"
	}
	switch {
	case missing == "":
	case os.Getenv("CI") != "":
		t.Fatal(missing, "is missing")
	default:
		t.Skip(missing, "is missing")
	}
}
