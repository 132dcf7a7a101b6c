package command_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unit is packaging/systemd/veriffs@.service for the instance main, on a machine whose
// directories are below one of the test's.
type unit map[string][]string

func readUnit(t *testing.T, dir string) unit {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "packaging/systemd/veriffs@.service"))
	if err != nil {
		t.Fatal(err)
	}
	u := make(unit)
	resolved := strings.NewReplacer("%i", "main", "%S", dir+"/state", "%t", dir+"/run", "${CACHE_DIRECTORY}", dir+"/cache/veriffs/main",
		"/etc/", dir+"/etc/", "/srv/", dir+"/srv/").Replace(string(text))
	for line := range strings.Lines(resolved) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			u[key] = append(u[key], value)
		}
	}
	return u
}

// TestUnit does what systemd does with the unit and with the environment file of
// packaging/README.md, which has the stand-in's address and key.
func TestUnit(t *testing.T) {
	t.Parallel()
	w := newKillWorld(t)
	dir := t.TempDir()
	u := readUnit(t, dir)
	point := dir + "/srv/veriff/main"
	w.point = point // what is still mounted at the end is unmounted there
	for _, name := range []string{"srv/veriff/main", "state/veriffs/main", "run/veriffs/main", "cache/veriffs", "credentials", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	session := w.Sessions()[0].ID.String()
	write("state/veriffs/main/sessions.txt", session+"\n")
	if got := u["EnvironmentFile"]; !slices.Equal(got, []string{dir + "/etc/veriffs/main.env"}) {
		t.Errorf("the environment is read from %q", got)
	}
	credential, file, _ := strings.Cut(u["LoadCredential"][0], ":")
	if file != dir+"/etc/veriffs/main.secret" {
		t.Errorf("the secret is read from %s", file)
	}
	secret := w.Secrets()[0]
	write("credentials/"+credential, secret+"\n")

	page, err := os.ReadFile(filepath.Join(root, "packaging/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "`/etc/veriffs/main.env`:\n\n```sh\n")
	block, _, _ = strings.Cut(block, "```")
	var url string
	for _, v := range w.environment {
		if value, ok := strings.CutPrefix(v, "VERIFF_API_URL="); ok {
			url = value
		}
	}
	block = strings.NewReplacer("https://stationapi.veriff.com", url, "your-api-key", w.APIKey, ":8787", ":0", "# ", "").Replace(block)
	environment := append(strings.Fields(block), strings.Fields(u["Environment"][0])...)
	environment = append(environment, "PATH="+os.Getenv("PATH"), "HOME="+dir, "TMPDIR="+dir+"/tmp", "CREDENTIALS_DIRECTORY="+dir+"/credentials")
	for _, name := range []string{"VERIFFS_CACHE_SIZE", "VERIFFS_CACHE_MAX_AGE", "VERIFFS_WEBHOOK_LISTEN", "VERIFFS_SESSIONS", "XDG_RUNTIME_DIR"} {
		if !slices.ContainsFunc(environment, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			t.Errorf("no %s in %q", name, environment)
		}
	}
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	run := func(more ...string) *process {
		args := strings.Fields(u["ExecStart"][0])
		if args[0] != "/usr/local/bin/veriffs" {
			t.Fatalf("it starts %s", args[0])
		}
		cmd := w.command(args[1:]...)
		cmd.Env = append(slices.Clone(environment), more...)
		return w.launch(cmd)
	}

	for key, want := range map[string]string{"LogsDirectory": "veriffs/main", "LimitMEMLOCK": "infinity", "WatchdogSec": "30", "LimitCORE": "0"} {
		if got := u[key]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s=%s", key, got)
		}
	}

	// systemctl start returns when the mount answers, with the sessions of the state directory.
	if got := u["Type"]; !slices.Equal(got, []string{"notify"}) {
		t.Errorf("Type=%s", got)
	}
	p := run("NOTIFY_SOCKET=" + dir + "/notify")
	message := make([]byte, 1024)
	_ = manager.SetReadDeadline(time.Now().Add(patience))
	n, err := manager.Read(message)
	if text := string(message[:n]); err != nil || !strings.HasPrefix(text, "READY=1\n") {
		written, _ := p.output.read()
		t.Fatalf("%v, %q\n%s", err, text, written)
	}
	if entries, err := os.ReadDir(filepath.Join(point, "sessions")); err != nil || len(entries) != 1 || entries[0].Name() != session {
		t.Errorf("%v, %v", entries, err)
	}
	// Its commands find it by the runtime directory, and so does curl.
	if sockets, err := filepath.Glob(dir + "/run/veriffs/main/veriffs/*.sock"); err != nil || len(sockets) != 1 {
		t.Errorf("%q, %v", sockets, err)
	}
	status := w.command("status")
	status.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir + "/run/veriffs/main"}
	if out, err := status.CombinedOutput(); err != nil || !strings.Contains(string(out), point) {
		t.Errorf("%v\n%s", err, out)
	}
	// systemctl stop unmounts, and is no failure.
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, "it ends", func() { <-p.ended })
	if out, _ := p.output.read(); p.cmd.ProcessState.ExitCode() != 0 || strings.Contains(out, secret) {
		t.Errorf("%v\n%s", p.cmd.ProcessState, out)
	}

	// It is not tried again after what would fail again, but after an API out of reach (4).
	prevented, start := strings.Fields(u["RestartPreventExitStatus"][0]), u["ExecStart"][0]
	if !slices.Equal(u["Restart"], []string{"on-failure"}) || slices.Contains(prevented, "4") {
		t.Errorf("Restart=%s, RestartPreventExitStatus=%s", u["Restart"], prevented)
	}
	write("file", "")
	for code, c := range map[int]struct{ start, variable, secret string }{
		2: {start, "VERIFFS_VERIFY=perhaps", secret},
		3: {start, "VERIFFS_VERIFY=require", "wrong"},
		6: {strings.Replace(start, "--cache-dir "+dir+"/cache", "--cache-dir "+dir+"/file", 1), "VERIFFS_VERIFY=require", secret},
	} {
		u["ExecStart"][0] = c.start
		write("credentials/"+credential, c.secret+"\n")
		p := run(c.variable)
		within(t, "it ends", func() { <-p.ended })
		if out, _ := p.output.read(); p.cmd.ProcessState.ExitCode() != code || !slices.Contains(prevented, strconv.Itoa(code)) {
			t.Errorf("%v, not %d; not tried again after %q\n%s", p.cmd.ProcessState, code, prevented, out)
		}
	}
}
