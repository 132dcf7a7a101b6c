package command_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/fs/mountpoint"
	"veriffs/internal/command"
	"veriffs/veriff/sandbox"
)

// TestMain lets this binary be the program: a script that calls veriffs runs
// it under that name.
func TestMain(m *testing.M) {
	// A program with the race detector sleeps for a second before it ends, and the tests
	// run many: TestScripts/status took 14.6 s with that, and 5.2 s without.
	if os.Getenv("GORACE") == "" {
		if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
			panic(err)
		}
	}
	testscript.Main(checked{m}, map[string]func(){
		"veriffs":       func() { os.Exit(command.Main(os.Args)) },
		"mount.veriffs": func() { os.Exit(command.Main(os.Args)) },
	})
}

// checked fails a run of tests in which a script left a mount behind.
type checked struct{ *testing.M }

func (c checked) Run() int {
	// Scripts wait more than they compute: four at once took 445 s, two 585 s.
	if err := flag.Set("test.parallel", "4"); err != nil { // the command line overrides it
		panic(err)
	}
	code := c.M.Run()
	leftMu.Lock()
	defer leftMu.Unlock()
	for _, point := range left {
		fmt.Fprintln(os.Stderr, "left mounted:", point)
		code = 1
	}
	return code
}

var (
	leftMu sync.Mutex
	left   []string
)

// TestScripts runs the program as its users do: testdata/script has a file
// for each part of the contract, with the commands of commands_test.go.
func TestScripts(t *testing.T) {
	requireFUSE(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               newState,
		Cmds:                scriptCommands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("no condition is called %q", name)
}

// requireFUSE skips a test where nothing can be mounted, but not in CI.
func requireFUSE(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		f.Close()
		return
	}
	if os.Getenv("CI") != "" || os.Getenv("VERIFFS_REQUIRE_FUSE") != "" {
		t.Fatal(err)
	}
	t.Skip("nothing can be mounted here:", err)
}

// TestOrdinaryUser runs the scripts as a user without privileges, who mounts
// through fusermount3. Where /dev/fuse is closed to users it gets one of its
// own, in a mount namespace of its own.
func TestOrdinaryUser(t *testing.T) {
	requireFUSE(t)
	if os.Geteuid() != 0 {
		t.Skip("all tests run as an ordinary user here")
	}
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "v-") // where the user can go
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const nobody = "65534"
	script := `set -e
		cp "$1" "$2/command.test"; cp -r testdata "$2"; chmod -R a+rX "$2"; chmod a+x "$2/command.test"
		mkdir "$2/tmp"; chown ` + nobody + ` "$2/tmp"
		mknod "$2/fuse" c 10 229; chmod 666 "$2/fuse"; mount --bind "$2/fuse" /dev/fuse
		cd "$2"; TMPDIR="$2/tmp" HOME="$2/tmp" exec setpriv --reuid=` + nobody + ` --regid=` + nobody + ` --clear-groups \
			"$2/command.test" -test.v -test.timeout=10m -test.run='^TestScripts$'`
	out, err := exec.Command("unshare", "--mount", "sh", "-c", script, "sh", self, dir).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestScripts")) {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
}

// state is what a script has beside its files: a stand-in for the API and the
// mounts that it started.
type state struct {
	*sandbox.Sandbox
	server  *sandbox.Server
	started map[string]*process
	seen    bytes.Buffer // what processes wrote, their arguments included
	manager *net.UnixConn
}

type stateKey struct{}

func stateOf(ts *testscript.TestScript) *state { return ts.Value(stateKey{}).(*state) }

// newState gives a script an API, credentials for it in the environment, a
// home, and a list of the sessions that there are.
func newState(env *testscript.Env) error {
	s := &state{Sandbox: sandbox.New(sandbox.Options{}), started: make(map[string]*process)}
	var err error
	if s.server, err = sandbox.Listen(s.Sandbox); err != nil {
		return err
	}
	env.Values[stateKey{}] = s
	env.Defer(func() {
		s.ClearFaults()
		for _, p := range s.started {
			p.cmd.Process.Kill()
			<-p.ended
		}
		for _, point := range mountpoint.All() {
			if strings.HasPrefix(point, env.WorkDir+"/") {
				leftMu.Lock()
				left = append(left, point)
				leftMu.Unlock()
				mountpoint.Unmount(point)
			}
		}
		s.server.Close()
	})
	home := filepath.Join(env.WorkDir, "home")
	for name, value := range map[string]string{
		"HOME":                 home,
		"XDG_CACHE_HOME":       filepath.Join(home, ".cache"),
		"XDG_CONFIG_HOME":      filepath.Join(home, ".config"),
		"XDG_DATA_HOME":        filepath.Join(home, ".local", "share"),
		"XDG_RUNTIME_DIR":      filepath.Join(home, ".run"),
		"VERIFF_API_URL":       s.server.URL,
		"VERIFF_API_KEY":       s.APIKey,
		"VERIFF_SHARED_SECRET": s.Secrets()[0],
		"SECOND_SECRET":        s.Secrets()[1],
		"GORACE":               os.Getenv("GORACE"),
		"VERIFFS_LOG_LEVEL":    "debug", // so that every script also shows that no log tells the secret
	} {
		env.Setenv(name, value)
	}
	for _, dir := range []string{home, filepath.Join(home, ".run")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	var list strings.Builder
	for _, id := range s.SessionIDs() {
		fmt.Fprintln(&list, id)
	}
	for i, session := range s.Sessions()[:3] {
		env.Setenv(fmt.Sprintf("SESSION%d", i+1), session.ID.String())
	}
	picture, err := s.picture()
	if err != nil {
		return err
	}
	env.Setenv("PICTURE", picture)
	env.Setenv("PICTURE_SESSION", filepath.Base(filepath.Dir(picture)))
	return os.WriteFile(filepath.Join(env.WorkDir, "sessions.txt"), []byte(list.String()), 0o600)
}

// picture is the path of a JPEG below a mount.
func (s *state) picture() (string, error) {
	for _, session := range s.Sessions() {
		for _, f := range session.Attempts[0].Media {
			if f.MIMEType == "image/jpeg" {
				return "sessions/" + session.ID.String() + "/" + f.ID.String() + ".jpg", nil
			}
		}
	}
	return "", errors.New("the stand-in has no picture")
}

// patience bounds every wait of a script: what takes longer will not come.
const patience = 60 * time.Second
