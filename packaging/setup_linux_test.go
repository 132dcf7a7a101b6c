package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine is a directory with .ci/setup in it, and the only programs that it finds.
type machine struct {
	t   *testing.T
	dir string
}

// bareMachine has no package that a target needs. Its apt-get and go write down what they
// are asked for, and id says who runs them.
func bareMachine(t *testing.T) *machine {
	m := &machine{t, t.TempDir()}
	for _, name := range []string{"bash", "cat", "dirname", "mkdir", "mktemp", "mv", "rm", "touch"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.MkdirAll(filepath.Join(m.dir, "programs"), 0o700)
		}
		if err == nil {
			err = os.Symlink(path, filepath.Join(m.dir, "programs", name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m.program("apt-get", `echo "$@" >>"$LOG"`)
	m.program("go", `echo go "$@" >>"$LOG"; touch "$GOBIN/versitygw"; chmod 700 "$GOBIN/versitygw"`)
	m.program("chmod", `exec /bin/chmod "$@"`)
	m.program("id", `echo "$USER_ID"`)
	m.program("uname", `echo "${SYSTEM:-Linux}"`)
	text, err := os.ReadFile("../.ci/setup")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.dir, ".ci/setup"), string(text), 0o700)
	return m
}

func (m *machine) program(name, script string) {
	write(m.t, filepath.Join(m.dir, "programs", name), "#!/bin/sh\n"+script+"\n", 0o700)
}

// setup runs .ci/setup and returns what it printed and what was asked of apt-get and go.
func (m *machine) setup(target, user string, variables ...string) (out string, asked []string, err error) {
	m.t.Helper()
	log := filepath.Join(m.dir, "log")
	if err := os.RemoveAll(log); err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(m.dir, ".ci/setup"), target)
	cmd.Env = append([]string{"PATH=" + filepath.Join(m.dir, "programs"), "LOG=" + log, "USER_ID=" + user, "SSL_CERT_FILE=x"}, variables...)
	text, err := cmd.CombinedOutput()
	if lines, err := os.ReadFile(log); err == nil {
		asked = strings.Split(strings.TrimSpace(string(lines)), "\n")
	}
	return string(text), asked, err
}

// TestSetup: make demo and make test install, as root on Debian and after saying so, what
// README.md names and nothing else; to others they only say what to install.
func TestSetup(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var packages [][]string
	for _, pattern := range []string{`the demo needs ([^,]*), the`, `tests also ([^(]*) \(in CI`, `\(in CI also ([^)]*)\)`} {
		list := regexp.MustCompile(`(?s)` + strings.ReplaceAll(pattern, " ", `\s`)).FindSubmatch(page)
		if list == nil {
			t.Fatalf("README.md has no %q", pattern)
		}
		var names []string
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllSubmatch(list[1], -1) {
			names = append(names, string(name[1]))
		}
		packages = append(packages, names)
	}
	demo, tests, ci := packages[0], slices.Concat(packages[0], packages[1]), slices.Concat(packages...)
	m := bareMachine(t)
	for _, tt := range []struct {
		target string
		want   []string
		env    []string
	}{{"demo", demo, nil}, {"test", tests, nil}, {"test", ci, []string{"CI=1"}}} {
		out, asked, err := m.setup(tt.target, "0", tt.env...)
		if err != nil || len(asked) == 0 {
			t.Fatalf("%s: %v\n%s", tt.target, err, out)
		}
		_, names, _ := strings.Cut(asked[0], "--no-install-recommends ")
		got := strings.Fields(names)
		if !strings.Contains(out, "setup: missing: "+names) {
			t.Errorf("%s: it does not say what it installs:\n%s", tt.target, out)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(tt.want)), slices.Sorted(slices.Values(got))); diff != "" {
			t.Errorf("%s: (-README.md +.ci/setup)\n%s", tt.target, diff)
		}
		// The server of object storage is built once.
		if built := slices.ContainsFunc(asked, func(line string) bool { return strings.HasPrefix(line, "go install ") }); built != (tt.target == "test" && tt.env == nil) {
			t.Errorf("%s: asked for %q", tt.target, asked)
		}
	}

	out, asked, err := m.setup("demo", "1000")
	if err == nil || len(asked) > 0 || !strings.Contains(out, "install with: sudo apt-get install "+strings.Join(demo, " ")) {
		t.Errorf("as an ordinary user: %v, %q\n%s", err, asked, out)
	}
	if out, _, err = m.setup("demo", "0", "SYSTEM=Darwin"); err == nil || !strings.Contains(out, "macFUSE is missing; install it") {
		t.Errorf("on macOS: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(m.dir, "programs/apt-get")); err != nil {
		t.Fatal(err)
	}
	if out, _, err = m.setup("demo", "0"); err == nil || !strings.Contains(out, "install with one of") {
		t.Errorf("on another system: %v\n%s", err, out)
	}
}

// TestGoVersion: README.md asks for the release of Go that go.mod does.
func TestGoVersion(t *testing.T) {
	t.Parallel()
	read := func(name, pattern string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(pattern).FindSubmatch(text)
		if match == nil {
			t.Fatalf("%s has no %s", name, pattern)
		}
		return string(match[1])
	}
	if page, mod := read("../README.md", `Go (1\.\d+) or newer`), read("../go.mod", `(?m)^go (1\.\d+)`); page != mod {
		t.Errorf("README.md asks for %s, go.mod for %s", page, mod)
	}
}
