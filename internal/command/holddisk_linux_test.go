package command_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestHoldOnAFullDisk: a hold that the disk has no room for says so, and does not ask
// for a larger cache.
func TestHoldOnAFullDisk(t *testing.T) {
	w := newKillWorld(t)
	disk := smallDisk(t, "1m")
	out, err := w.command("hold", "add", w.SessionIDs()[0].String(), "--reason", "claim 4711", "--cache-dir", disk, "--cache-size", "1GiB").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 10 {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"the disk of the cache directory has no room for ", "\nhint: free some space there"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("not %q in\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "larger --cache-size") {
		t.Errorf("%s", out)
	}
}
