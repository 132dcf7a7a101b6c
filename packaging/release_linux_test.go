// Package packaging_test shows what packaging/ and docs/install.md say of releases.
package packaging_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// release makes a release for this kind of machine.
func release(t *testing.T, version string, environment ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("./release", dir, "linux/amd64")
	cmd.Env = append(append(os.Environ(), "VERSION="+version), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func debIn(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%q, %v", all, err)
	}
	return all[0]
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		var text []byte
		if exit, ok := err.(*exec.ExitError); ok {
			text = exit.Stderr
		}
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, text)
	}
	return out
}

// TestRelease makes a release and looks at each of its parts. That two builds in different
// directories are the same is checked by packaging/release itself.
func TestRelease(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
	dir := release(t, "v1.2.3", "RELEASE_KEY="+key)
	t.Run("checksums", func(t *testing.T) {
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		signers := filepath.Join(t.TempDir(), "signers")
		if err := os.WriteFile(signers, append([]byte(`release namespaces="veriffs-release" `), public...), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "sh", "-c", `cd "$0" && sha256sum --check --strict --quiet sha256sums &&
			ssh-keygen -Y verify -f "$1" -I release -n veriffs-release -s sha256sums.sig <sha256sums`, dir, signers)
	})
	t.Run("archive", func(t *testing.T) {
		to := t.TempDir()
		run(t, "tar", "-xf", filepath.Join(dir, "veriffs_1.2.3_linux_amd64.tar.gz"), "-C", to)
		program := filepath.Join(to, "veriffs_1.2.3_linux_amd64", "veriffs")
		if got := string(run(t, program, "version")); got != "veriffs 1.2.3\n" {
			t.Errorf("it is %q", got)
		}
		if out := run(t, "file", "-b", program); !strings.Contains(string(out), "statically linked") {
			t.Errorf("not static: %s", out)
		}
		testInstall(t, program)
	})
	t.Run("bill of materials", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(dir, "veriffs_1.2.3_linux_amd64.cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var bill struct {
			BOMFormat  string
			Components []struct{ Name string }
		}
		if err := json.Unmarshal(text, &bill); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range bill.Components {
			names = append(names, c.Name)
		}
		if bill.BOMFormat != "CycloneDX" || !slices.Contains(names, "github.com/hanwen/go-fuse/v2") {
			t.Errorf("%s of %q", bill.BOMFormat, names)
		}
	})
	t.Run("deb", func(t *testing.T) { testDeb(t, debIn(t, dir)) })
	t.Run("rpm", func(t *testing.T) {
		rpm := filepath.Join(dir, "veriffs-1.2.3-1.x86_64.rpm")
		files := strings.Fields(string(run(t, "rpm", "-qpl", rpm)))
		for _, name := range []string{"/usr/bin/veriffs", "/usr/sbin/mount.veriffs", "/usr/share/zsh/site-functions/_veriffs", "/etc/veriffs"} {
			if !slices.Contains(files, name) {
				t.Errorf("no %s", name)
			}
		}
		if requires := string(run(t, "rpm", "-qp", "--requires", rpm)); !strings.Contains(requires, "fuse3\n") {
			t.Errorf("it requires %s", requires)
		}
	})
}

// testInstall has make install a program that is built already, and compares what it leaves
// with what README.md says there is to remove.
func testInstall(t *testing.T, program string) {
	work, destination := t.TempDir(), t.TempDir()
	run(t, "sh", "-c", `mkdir "$0/bin" && cp "$1" "$0/bin/veriffs" && cp -r ../Makefile ../.ci "$0" &&
		make -s -C "$0" install BUILD=true DESTDIR="$2" PREFIX=/opt/veriffs`, work, program, destination)
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(page), "| what `make install` installed | below `/usr/local`: ")
	row, _, _ = strings.Cut(row, " | the same |")
	bin, share, _ := strings.Cut(row, "; in `share`: ")
	var patterns []string
	for i, list := range []string{bin, share} {
		for _, name := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("`, ", r) }) {
			if name != "and" {
				patterns = append(patterns, []string{"", "share/"}[i]+name)
			}
		}
	}
	used := make(map[string]bool)
	for file := range strings.FieldsSeq(string(run(t, "find", destination, "-type", "f", "-printf", "%P\n"))) {
		i := slices.IndexFunc(patterns, func(pattern string) bool {
			ok, err := filepath.Match("opt/veriffs/"+pattern, file)
			return ok && err == nil
		})
		if i < 0 {
			t.Errorf("README.md does not say that %s is installed", file)
			continue
		}
		used[patterns[i]] = true
	}
	for _, pattern := range patterns {
		if !used[pattern] {
			t.Errorf("README.md says that %s is installed", pattern)
		}
	}
	if len(patterns) < 6 || !slices.Contains(patterns, "bin/veriffs") {
		t.Errorf("README.md names %q", patterns)
	}
}

// testDeb unpacks the package into a directory of its own and lays that over this machine,
// in a mount namespace: mount(8) finds the helper, and systemd finds nothing wrong.
func testDeb(t *testing.T, deb string) {
	if os.Geteuid() != 0 {
		t.Skip("only root can install")
	}
	root := t.TempDir()
	run(t, "sh", "-c", `mkdir -p "$0/var/lib/dpkg/info" "$0/var/lib/dpkg/updates" "$0/var/lib/dpkg/triggers" && touch "$0/var/lib/dpkg/status" "$0/var/lib/dpkg/available"
		dpkg --root="$0" --force-depends --unpack "$1"`, root, deb)
	for name, mode := range map[string]string{
		"usr/bin/veriffs": "755", "etc/veriffs": "755", "var/log/veriffs": "755", "etc/logrotate.d/veriffs.dpkg-new": "644", "usr/lib/sysusers.d/veriffs.conf": "644",
		"usr/share/man/man1/veriffs.1.gz": "644", "usr/share/man/man8/mount.veriffs.8.gz": "644",
		"usr/share/bash-completion/completions/veriffs": "644", "usr/share/zsh/vendor-completions/_veriffs": "644",
		"usr/share/fish/vendor_completions.d/veriffs.fish": "644", "usr/share/doc/veriffs/copyright": "644",
	} {
		if got := strings.TrimSpace(string(run(t, "stat", "-c", "%a %U %G", filepath.Join(root, name)))); got != mode+" root root" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if depends := string(run(t, "dpkg-deb", "-f", deb, "Depends")); depends != "fuse3\n" {
		t.Errorf("it depends on %s", depends)
	}
	out, err := exec.Command("unshare", "--mount", "sh", "-c", `set -e
		for part in usr/bin usr/sbin usr/lib/systemd/system usr/lib/sysusers.d; do
			mount -t overlay -o "lowerdir=$0/$part:/$part" package "/$part"
		done
		systemd-analyze verify --man=no veriffs@main.service
		systemd-sysusers --dry-run veriffs.conf >/dev/null 2>&1
		mount -t veriffs nobody /mnt 2>&1 | sed -n 1p`, root).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), `veriffs: profile "nobody" in `) || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v\n%s", err, out)
	}
}
