package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/config"
)

func write(t *testing.T, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "veriffs.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "veriffs.toml")
	one := config.Profile{APIURL: "https://a.example", APIKey: "key", SecretKeyring: true, Sessions: []string{"/a", "/b"}, CacheSize: "1GiB", Connections: 3}
	two := config.Profile{APIURL: "https://b.example", SecretCommand: []string{"pass", "show", `a "b" 'c' [profiles.one]`}}
	for range 2 { // the second time in place of the first
		for name, p := range map[string]config.Profile{"one": one, "two-2_x": two} {
			if err := config.Save(t.Context(), path, name, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, want := range map[string]config.Profile{"one": one, "two-2_x": two} {
		got, err := config.Load(path, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Error(diff)
		}
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, error %v", name, info.Mode(), err)
		}
	}
}

// TestSaveEmptyLists: a list that names nobody does not become one that is left out, which
// lets everybody read.
func TestSaveEmptyLists(t *testing.T) {
	path := write(t, "[profiles.a]\napi-key = \"1\"\nallow-user = []\nallow-group = [\"\"]\nsessions = []\n")
	p, err := config.Load(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	p.APIKey = "2"
	if err := config.Save(t.Context(), path, "a", *p); err != nil {
		t.Fatal(err)
	}
	want := config.Profile{APIKey: "2", AllowUser: []string{}, AllowGroup: []string{""}, Sessions: []string{}}
	if got, err := config.Load(path, "a"); err != nil || !cmp.Equal(want, *got) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, *got))
	}
}

// TestSaveLeavesTheRest: other profiles, comments and the order stay.
func TestSaveLeavesTheRest(t *testing.T) {
	path := write(t, `# mine

[profiles.a]
api-key = "1" # one
sessions = [
  "/x",
]

# about b
[ profiles . "b" ] # yes
api-key = "2"

# about c
[profiles.c]
api-key = "3"
`)
	if err := config.Save(t.Context(), path, "b", config.Profile{APIKey: "new"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `# mine

[profiles.a]
api-key = "1" # one
sessions = [
  "/x",
]

# about b

# about c
[profiles.c]
api-key = "3"

[profiles.b]
api-key = 'new'
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestRemove: other profiles, comments and the order stay.
func TestRemove(t *testing.T) {
	path := write(t, "# mine\n[profiles.a]\napi-key = '1'\n\n# about b\n[profiles.b]\napi-key = '2'\n")
	if err := config.Remove(t.Context(), path, "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "# mine\n\n# about b\n[profiles.b]\napi-key = '2'\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := config.Remove(t.Context(), path, "a"); !errors.Is(err, config.ErrNoProfile) {
		t.Error(err)
	}
	if err := config.Remove(t.Context(), path, "b"); err != nil {
		t.Error(err)
	}
	if all, err := config.All(path); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	inline := "[profiles]\na = { api-key = '1' }\n"
	path = write(t, inline)
	if err := config.Remove(t.Context(), path, "a"); err == nil {
		t.Error("removed by guessing")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != inline {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSaveRefuses what it could only do by guessing, and changes nothing.
func TestSaveRefuses(t *testing.T) {
	for _, text := range []string{
		"profiles.a.api-key = '1'\n",
		"[profiles]\na = { api-key = '1' }\n",
		"profiles = { a = { api-key = '1' }, b = { api-key = '2' } }\n",
		"[profiles.b]\napi-key = '''\n[profiles.a]\n'''\n[profiles]\na.api-key = '1'\n",
		"nonsense",
	} {
		path := write(t, text)
		if err := config.Save(t.Context(), path, "a", config.Profile{APIKey: "2"}); err == nil {
			t.Errorf("saved into %q", text)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q became %q, error %v", text, got, err)
		}
	}
	path := write(t, "")
	for _, name := range []string{"", "a.b", "../a", "a b", strings.Repeat("a", 65)} {
		if err := config.Save(t.Context(), path, name, config.Profile{}); err == nil {
			t.Errorf("saved as %q", name)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "there is no such profile",
		"[profiles.b]\n":                    "there is no such profile",
		"[profiles.a]\nsecret = 'hidden'":   "line 2, profiles.a.secret: there is no such setting",
		"[profiles.a]\napi-key = hidden":    "line 2",
		"[profiles.a]\nsessions = 'hidden'": "line 2",
		"[profiles.a]\nsecret-keyring = true\nsecret-command = ['hidden']": "exclude each other",
	} {
		_, err := config.Load(write(t, text), "a")
		var told *config.Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if strings.Contains(told.Error()+told.Hint, "hidden") {
			t.Errorf("a value is in the error: %v", err)
		}
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "missing"), "a"); !errors.Is(err, config.ErrNoProfile) {
		t.Error(err)
	}
}

// TestLoadRefuses a file that somebody else could have written.
func TestLoadRefuses(t *testing.T) {
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		for _, of := range []func(string) string{filepath.Dir, func(name string) string { return name }} {
			path := write(t, "[profiles.a]\n")
			if err := os.Chmod(of(path), mode|0o100); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(path, "a"); err == nil || !strings.Contains(err.Error(), "can be written by others") {
				t.Errorf("%s, mode %o: %v", of(path), mode, err)
			}
		}
	}
	if os.Geteuid() == 0 {
		path := write(t, "[profiles.a]\n")
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path, "a"); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Error(err)
		}
	}
}

func TestPaths(t *testing.T) {
	path := write(t, "[profiles.a]\nsessions = ['x.txt', '/y.txt', '~/z.txt']\nshared-secret-file = 's'\n")
	p, err := config.Load(path, "a")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	want := []string{filepath.Join(dir, "x.txt"), "/y.txt", filepath.Join(home, "z.txt"), filepath.Join(dir, "s")}
	if diff := cmp.Diff(want, append(p.Sessions, p.SecretFile)); diff != "" {
		t.Error(diff)
	}
}

// TestPipesAreNotWaitedFor: a file of profiles that is none is refused.
func TestPipesAreNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "veriffs.toml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, "a"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}

// TestSaveWaitsForTheLockNoLonger than its context lasts.
func TestSaveWaitsForTheLockNoLonger(t *testing.T) {
	path := write(t, "")
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := config.Save(ctx, path, "a", config.Profile{APIKey: "key"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
