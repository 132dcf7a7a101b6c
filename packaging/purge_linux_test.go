package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPurge runs what a purge of the Debian package runs, on a system below a directory.
func TestPurge(t *testing.T) {
	t.Parallel()
	const (
		config = "etc/veriffs/main.secret"
		cache  = "var/cache/veriffs"
		logs   = "var/log/veriffs"
		state  = "var/lib/veriffs"
		held   = "veriffs cache 2\n"
	)
	ordinary := map[string]string{
		config: "secret", "etc/passwd": "", logs + "/mount-emea.log": "text", state + "/main/sessions.txt": "",
		cache + "/main/7d0c/format": "veriffs cache 1\n", cache + "/4711/format": "veriffs cache 1 ephemeral\n",
	}
	for name, test := range map[string]struct {
		files   map[string]string
		failing string // a program that can't do its work
		kept    []string
		says    string
	}{
		"nothing held":              {},
		"held, by fstab":            {map[string]string{cache + "/4711/format": held}, "", []string{"etc/veriffs", cache}, "held sessions"},
		"held, of a service":        {map[string]string{cache + "/main/7d0c/format": held}, "", []string{"etc/veriffs", cache}, "held sessions"},
		"access log":                {map[string]string{logs + "/access.log": ""}, "", []string{logs, state}, "an access log"},
		"log of another name":       {map[string]string{logs + "/audit": "", logs + "/audit.tree": ""}, "", []string{logs, state}, "an access log"},
		"log of a service":          {map[string]string{state + "/main/audit.checkpoint": ""}, "", []string{logs, state}, "an access log"},
		"held, and log":             {map[string]string{cache + "/4711/format": held, logs + "/a.tree": ""}, "", []string{"etc/veriffs", cache, logs, state}, "held sessions"},
		"can't look for anything":   {nil, "find", []string{"etc/veriffs", cache, logs, state}, "can't tell"},
		"can't look into the cache": {nil, "grep", []string{"etc/veriffs", cache, logs, state}, "can't tell"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, programs := t.TempDir(), t.TempDir()
			for _, files := range []map[string]string{ordinary, test.files} {
				for name, text := range files {
					write(t, filepath.Join(root, name), text, 0o600)
				}
			}
			if test.failing != "" {
				write(t, filepath.Join(programs, test.failing), "#!/bin/sh\nexit 2\n", 0o700)
			}
			purge := exec.Command("deb/postrm", "purge")
			purge.Env = []string{"DPKG_ROOT=" + root, "PATH=" + programs + ":" + os.Getenv("PATH")}
			out, err := purge.CombinedOutput()
			if err != nil || !strings.Contains(string(out), test.says) || (len(out) > 0) != (test.says != "") {
				t.Errorf("%v: %s", err, out)
			}
			var kept []string
			for _, dir := range []string{"etc/passwd", "etc/veriffs", cache, logs, state} {
				if _, err := os.Stat(filepath.Join(root, dir)); err == nil {
					kept = append(kept, dir)
				}
			}
			if want := append([]string{"etc/passwd"}, test.kept...); !slices.Equal(kept, want) {
				t.Errorf("left %q, not %q", kept, want)
			}
		})
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
