//go:build cleanroot

package packaging_test

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// TestCleanRoot installs the package on a Debian that has nothing else, mounts by a line of
// fstab, copies a session, and upgrades and purges the package: testdata/clean-root has the
// steps. make test-package runs it. The Debian is made once, and kept in bin/.
func TestCleanRoot(t *testing.T) {
	inCleanRoot(t, "testdata/clean-root", debIn(t, release(t, "1.2.3")), debIn(t, release(t, "1.2.4")))
}

// TestCleanRootRPM does the same with the rpm and this machine's rpm: testdata/clean-root-rpm.
func TestCleanRootRPM(t *testing.T) {
	rpm := func(version string) string {
		return filepath.Join(release(t, version), "veriffs-"+version+"-1.x86_64.rpm")
	}
	inCleanRoot(t, "testdata/clean-root-rpm", rpm("1.2.3"), rpm("1.2.4"))
}

// inCleanRoot runs steps with a package and a newer one. They copy a session to /root/case.
func inCleanRoot(t *testing.T, script, older, newer string) {
	t.Helper()
	base := cleanRoot(t)
	s := sandbox.New(sandbox.Options{})
	server, err := sandbox.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)

	root := t.TempDir()
	run(t, "tar", "-xf", base, "-C", root)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, id := range s.SessionIDs() {
		fmt.Fprintln(&list, id)
	}
	if err := os.WriteFile(filepath.Join(root, "tmp", "sessions.txt"), []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	session := s.Sessions()[0]
	steps := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", script, root, older, newer)
	steps.Env = append(os.Environ(), "API_URL="+server.URL, "API_KEY="+s.APIKey, "SHARED_SECRET="+s.Secrets()[0],
		"SESSIONS=/tmp/sessions.txt", "SESSION="+session.ID.String())
	out, err := steps.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !bytes.HasSuffix(out, []byte("== all done\n")) {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte(s.Secrets()[0])) {
		t.Error("the output has the secret")
	}
	for _, f := range session.Attempts[0].Media {
		matches, err := filepath.Glob(filepath.Join(root, "root", "case", f.ID.String()+".*"))
		if err != nil || len(matches) != 1 {
			t.Fatalf("%s: %d copies, %v", f.ID, len(matches), err)
		}
		id, _ := veriff.ParseMediaID(f.ID.String())
		if got, err := os.ReadFile(matches[0]); err != nil || !bytes.Equal(got, s.Bytes(id)) {
			t.Errorf("%s: not the API's bytes, %v", f.ID, err)
		}
	}
}

// cleanRoot returns an archive of a minimal Debian of this machine's release, made with
// this machine's sources of packages.
func cleanRoot(t *testing.T) string {
	t.Helper()
	suite := strings.TrimSpace(string(run(t, "sh", "-c", `. /etc/os-release && echo "$VERSION_CODENAME"`)))
	base, err := filepath.Abs("../bin/clean-root-" + suite + ".tar")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(base); err == nil {
		return base
	}
	var sources []string
	for _, name := range []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"} {
		if text, err := os.ReadFile(name); err == nil && len(bytes.TrimSpace(text)) > 0 {
			sources = append(sources, name)
		} else if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	made := base + ".new.tar"
	run(t, "mmdebstrap", append([]string{"--quiet", "--variant=minbase",
		"--include=fuse3,rsync,ca-certificates,mount,logrotate,man-db", suite, made}, sources...)...)
	if err := os.Rename(made, base); err != nil {
		t.Fatal(err)
	}
	return base
}
