package command_test

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestLaunchAgent runs what launchd is told to run, with the files that packaging/README.md
// makes. launchd itself is on macOS alone.
func TestLaunchAgent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "packaging/launchd/local.veriffs.mount.plist"))
	if err != nil {
		t.Fatal(err)
	}
	var plist struct {
		Dict struct {
			Arguments []string `xml:"array>string"`
		} `xml:"dict"`
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&plist); err != nil || len(plist.Dict.Arguments) != 3 {
		t.Fatalf("%v, %+v", err, plist)
	}

	w := newKillWorld(t)
	home := t.TempDir()
	for _, dir := range []string{".config/veriffs", "Library/Logs"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, ".config/veriffs/secret"), []byte(w.Secrets()[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("veriffs")
	if err != nil {
		t.Fatal(err)
	}
	w.environment = slices.DeleteFunc(w.environment, func(v string) bool {
		return strings.HasPrefix(v, "VERIFF_SHARED_SECRET=") || strings.HasPrefix(v, "XDG_CONFIG_HOME=")
	})
	w.point = filepath.Join(home, "veriff")
	args := plist.Dict.Arguments
	if !strings.Contains(args[2], "/usr/local/bin/veriffs ") {
		t.Fatalf("it runs %q", args)
	}
	// What it logs goes to the test as well, which waits for it.
	script := strings.NewReplacer("/usr/local/bin/veriffs", program, ` 2>>"$HOME/Library/Logs/veriffs.log"`, "").Replace(args[2])
	if !strings.HasSuffix(args[2], `2>>"$HOME/Library/Logs/veriffs.log"`) {
		t.Errorf("it logs elsewhere: %s", args[2])
	}
	cmd := exec.Command(args[0], args[1], script)
	cmd.Env = append(w.environment, "HOME="+home)
	p := w.launch(cmd)
	if !p.wait("mounted on " + w.point) {
		written, _ := p.output.read()
		t.Fatalf("no mount:\n%s", written)
	}
	if got, err := os.ReadFile(filepath.Join(w.point, w.paths[0])); err != nil || !bytes.Equal(got, w.content[w.paths[0]]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// launchctl bootout sends SIGTERM; an end with 0 is none that KeepAlive starts again.
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "it ends", func() { <-p.ended })
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
