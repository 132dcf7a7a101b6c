//go:build cleanroot

package packaging_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFormula: the Homebrew formula of a release is Ruby, has the checksums of the archives
// and installs what is in them. It is evaluated without Homebrew.
func TestFormula(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("./release", dir, "darwin/amd64", "darwin/arm64")
	cmd.Env = append(os.Environ(), "VERSION=1.2.3", "RELEASE_URL=https://example.org/1.2.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	formula := filepath.Join(dir, "veriffs.rb")
	run(t, "ruby", "-wc", formula)
	evaluate, err := filepath.Abs("testdata/evaluate-formula.rb")
	if err != nil {
		t.Fatal(err)
	}
	for machine, arch := range map[string]string{"arm": "arm64", "intel": "amd64"} {
		archive := "veriffs_1.2.3_darwin_" + arch + ".tar.gz"
		bytes, err := os.ReadFile(filepath.Join(dir, archive))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, prefix := t.TempDir(), t.TempDir()
		run(t, "tar", "-xf", filepath.Join(dir, archive), "-C", unpacked)
		var said struct {
			URL, SHA256, Version, Caveats, Test string
			Dependencies                        []string
		}
		text := run(t, "sh", "-c", `cd "$0" && exec "$@"`, filepath.Join(unpacked, strings.TrimSuffix(archive, ".tar.gz")), "ruby", "-w", evaluate, formula, machine, prefix)
		if err := json.Unmarshal(text, &said); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bytes)
		if said.URL != "https://example.org/1.2.3/"+archive || said.SHA256 != hex.EncodeToString(sum[:]) || said.Version != "1.2.3" ||
			!slices.Equal(said.Dependencies, []string{"macos"}) || !strings.Contains(said.Caveats, "macFUSE") || path.Base(said.Test) != "veriffs version" {
			t.Errorf("%s: %+v", machine, said)
		}
		for _, name := range []string{"bin/veriffs", "share/man/man1/veriffs-mount.1", "etc/bash_completion.d/veriffs", "share/zsh/site-functions/_veriffs", "share/fish/vendor_completions.d/veriffs.fish"} {
			if info, err := os.Stat(filepath.Join(prefix, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: not installed: %s, %v", machine, name, err)
			}
		}
	}
}

// actionlint knows the syntax of workflows, and gives their scripts to shellcheck.
const actionlint = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"

// TestWorkflows: GitHub would take the workflows.
func TestWorkflows(t *testing.T) {
	workflows, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(workflows) < 2 {
		t.Fatalf("%q, %v", workflows, err)
	}
	run(t, "go", append([]string{"run", actionlint}, workflows...)...)
}
