package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/caller"
	"veriffs/veriff/sandbox"
)

// records reads an access log.
func records(t *testing.T, path string) (all []accesslog.Record) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var r accesslog.Record
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("record %d: %v", len(all), err)
		}
		if r.Sequence != uint64(len(all)) || r.Time.IsZero() || r.Monotonic == 0 || r.Boot == "" || r.Host == "" || r.Version == "" || r.Salt == "" {
			t.Errorf("record %d: %+v", len(all), r)
		}
		all = append(all, r)
	}
	return all
}

// of returns the records of one operation.
func of(all []accesslog.Record, op accesslog.Operation) (some []accesslog.Record) {
	for _, r := range all {
		if r.Operation == op {
			some = append(some, r)
		}
	}
	return some
}

func operations(all []accesslog.Record) (ops []accesslog.Operation) {
	for _, r := range all {
		ops = append(ops, r.Operation)
	}
	return ops
}

// must runs a command that goes well.
func (w *killWorld) must(args ...string) *exec.Cmd {
	w.t.Helper()
	cmd := w.command(args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("veriffs %q: %v\n%s", args, err, out)
	}
	return cmd
}

// TestAccessLog: what is done with a mount, in the log that it keeps.
func TestAccessLog(t *testing.T) {
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	w.environment = append(w.environment, "VERIFFS_ACCESS_LOG="+log)
	p := w.mount("--read-ahead", "off", "--access-log-mode", "required", "--log-file", filepath.Join(t.TempDir(), "program"))
	session := w.Sessions()[0]
	name := "sessions/" + session.ID.String()
	if _, err := exec.Command("cat", filepath.Join(w.point, w.paths[0])).Output(); err != nil {
		t.Fatal(err)
	}
	commands := []struct {
		op   accesslog.Operation
		args []string
		says string // in the detail
	}{
		{accesslog.OpWarm, []string{"warm", session.ID.String()}, `"files":10`},
		{accesslog.OpPin, []string{"pin", filepath.Join(w.point, name)}, `"names":["` + name + `"],"result":{"files":10,"fetched":10}`},
		{accesslog.OpUnpin, []string{"unpin", filepath.Join(w.point, name)}, `"files":10`},
		{accesslog.OpEvict, []string{"evict", filepath.Join(w.point, name)}, `"files":10`},
		{accesslog.OpPurge, []string{"purge", "--session", session.ID.String()}, `"kernel_pages":"dropped"`},
	}
	for _, c := range commands {
		cmd := w.must(c.args...)
		all := records(t, log)
		r := all[len(all)-1]
		if r.Operation != c.op || r.Outcome != accesslog.Success || r.Session != session.ID.String() || !strings.Contains(string(r.Detail), c.says) {
			t.Errorf("%q: %+v, %s", c.args, r, r.Detail)
		}
		if r.Caller == nil || int(r.Caller.PID) != cmd.Process.Pid || int(r.Caller.PPID) != os.Getpid() || r.Caller.Executable != cmd.Path {
			t.Errorf("%q: by %+v", c.args, r.Caller)
		}
	}
	if err := w.command("pin", filepath.Join(w.point, "by-context", session.ID.String(), "nothing.jpg")).Run(); err == nil {
		t.Error("what is not there was pinned")
	}
	if out, err := w.command("status", w.point).CombinedOutput(); err != nil || !strings.Contains(string(out), log+", required, ") {
		t.Errorf("%v\n%s", err, out)
	}
	w.kill(p)
	p = w.mount()
	w.terminate(p)

	// A process that is killed may leave records that no checkpoint covers yet.
	all := slices.DeleteFunc(records(t, log), func(r accesslog.Record) bool {
		return r.Operation == accesslog.OpLogGap && strings.Contains(string(r.Detail), "no checkpoint covered")
	})
	want := []accesslog.Operation{
		accesslog.OpMount, accesslog.OpOpen, accesslog.OpWarm, accesslog.OpPin, accesslog.OpUnpin, accesslog.OpEvict, accesslog.OpPurge, accesslog.OpPin,
		accesslog.OpUnclean, accesslog.OpMount, accesslog.OpUnmount,
	}
	if !slices.Equal(operations(all), want) {
		t.Fatalf("%v\nwant %v", operations(all), want)
	}
	if r := all[7]; r.Outcome != accesslog.Failed || r.Error == "" {
		t.Errorf("a pin that failed: %+v", r)
	}
	for i, r := range all {
		if r.Mountpoint != w.point || r.Account == "" || r.Account != all[0].Account {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if r := all[1]; r.Session == "" || r.Media == "" || r.Attempt == "" || r.Size != int64(killFile) || len(r.SHA256) != 64 || r.From != accesslog.FromAPI ||
		len(r.SecretID) == 0 || r.Caller.Command != "cat" {
		t.Errorf("%+v of %+v", r, r.Caller)
	}
	first, last := all[9], all[10]
	if int(first.Caller.PID) != p.cmd.Process.Pid || !strings.Contains(string(first.Detail), `"access_log_mode":"best-effort"`) || !strings.Contains(string(last.Detail), `"end":"a signal"`) {
		t.Errorf("%+v, %s\n%s", first.Caller, first.Detail, last.Detail)
	}
}

// TestAccessLogOfCommands: without a mount the commands write to the log that is
// set, each for itself.
func TestAccessLogOfCommands(t *testing.T) {
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "logs") + "/"
	w.environment = append(w.environment, "VERIFFS_ACCESS_LOG="+log)
	session := w.Sessions()[0].ID.String()
	var pids []int
	for _, args := range [][]string{
		{"warm", session}, {"pin", session}, {"unpin", "sessions/" + session}, {"evict", "sessions/" + session}, {"purge", "--all"},
	} {
		pids = append(pids, w.must(args...).Process.Pid)
	}
	all := records(t, filepath.Join(log, "access.log"))
	want := []accesslog.Operation{accesslog.OpWarm, accesslog.OpPin, accesslog.OpUnpin, accesslog.OpEvict, accesslog.OpPurge}
	if !slices.Equal(operations(all), want) {
		t.Fatalf("%v", operations(all))
	}
	self := caller.Self()
	for i, r := range all {
		if r.Outcome != accesslog.Success || int(r.Caller.PID) != pids[i] || r.Caller.PPID != self.PID || r.Mountpoint != "" {
			t.Errorf("%+v of %+v", r, r.Caller)
		}
	}
	if info, err := os.Stat(filepath.Join(log, "access.log")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestAccessLogUnusable: a log that can't be used is no mount, in either mode.
func TestAccessLogUnusable(t *testing.T) {
	w := newKillWorld(t)
	dir := t.TempDir()
	damaged := filepath.Join(dir, "damaged")
	if err := os.WriteFile(damaged, []byte("no log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	readable := filepath.Join(dir, "key")
	if err := os.WriteFile(readable, []byte("no key\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--access-log", damaged}, 8, "hint: "},
		{[]string{"--access-log", damaged, "--access-log-mode", "required"}, 8, "hint: "},
		{[]string{"--access-log", "/proc/none/log"}, 8, "hint: "},
		{[]string{"--access-log", filepath.Join(dir, "log"), "--installation-key", readable}, 8, "hint: "},
		{[]string{"--access-log", filepath.Join(w.point, "log")}, 2, "must not be in the mount point"},
		{[]string{"--access-log", w.cache + "/" + w.account() + "/log"}, 2, "must not be in the cache"},
		{[]string{"--access-log-mode", "required"}, 2, "needs --access-log"},
		{[]string{"--access-log", filepath.Join(dir, "log"), "--access-log-mode", "some"}, 2, "required or best-effort"},
		{[]string{"--access-log", filepath.Join(dir, "log"), "--access-log-keep", "some"}, 2, "--access-log-keep"},
		{[]string{"--access-log", filepath.Join(dir, "log"), "--access-log-keep", "13m"}, 2, "m is for minutes"},
		{[]string{"--access-log", filepath.Join(dir, "log"), "--access-log-anchor", "tape:"}, 2, "syslog:"},
	} {
		p := w.begin(c.args...)
		within(t, "it ends", func() { <-p.ended })
		if out, _ := p.output.read(); p.cmd.ProcessState.ExitCode() != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%q: %v\n%s", c.args, p.cmd.ProcessState, out)
		}
	}
	if text, err := os.ReadFile(damaged); err != nil || string(text) != "no log\n" {
		t.Errorf("the damaged log is now %q, %v", text, err)
	}
}

// account is the directory of the world's account in its cache.
func (w *killWorld) account() string {
	w.t.Helper()
	entries, err := os.ReadDir(w.cache)
	if err != nil || len(entries) != 1 {
		w.t.Fatal(entries, err)
	}
	return entries[0].Name()
}

// TestAccessLogOfFailedMount: a mount that does not come up is recorded too.
func TestAccessLogOfFailedMount(t *testing.T) {
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	w.environment = append(w.environment, "VERIFF_SHARED_SECRET=another", "VERIFFS_ACCESS_LOG="+log)
	p := w.begin()
	within(t, "it ends", func() { <-p.ended })
	if code := p.cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("%v", p.cmd.ProcessState)
	}
	all := records(t, log)
	if len(all) != 1 || all[0].Operation != accesslog.OpMount || all[0].Outcome != accesslog.Failed || all[0].Error == "" {
		t.Errorf("%+v", all)
	}
}

// TestAccessLogOfWrongBytes: a reply with a wrong signature and a damaged object of
// the cache are recorded, each beside the open that found it.
func TestAccessLogOfWrongBytes(t *testing.T) {
	w := newKillWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	p := w.mount("--read-ahead", "off", "--access-log", log)
	file := w.Sessions()[0].Attempts[0].Media[0]
	path := w.pathOf(file.ID.String())
	fault := w.Set(sandbox.Match{Kind: sandbox.Media, ID: file.ID.String()}, sandbox.SignedWith("another"))
	if _, err := exec.Command("cat", path).Output(); err == nil {
		t.Fatal("a wrong signature was taken")
	}
	fault.Remove()
	read := func() {
		t.Helper()
		if out, err := exec.Command("cat", path).Output(); err != nil || !bytes.Equal(out, w.Bytes(file.ID)) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	}
	read()
	damaged := 0
	filepath.WalkDir(w.cache, func(name string, d iofs.DirEntry, err error) error {
		if info, statErr := os.Stat(name); err == nil && statErr == nil && info.Size() > killFile {
			damaged++
			return os.Truncate(name, info.Size()-1)
		}
		return err
	})
	if damaged != 1 {
		t.Fatalf("%d objects", damaged)
	}
	waitUntil(t, "the damage is found", func() bool { read(); return len(of(records(t, log), accesslog.OpVerify)) == 2 })
	if code := w.end(p); code != 0 {
		t.Errorf("exit code %d", code)
	}
	found := of(records(t, log), accesslog.OpVerify)
	if r := found[0]; r.Outcome != accesslog.Failed || r.From != accesslog.FromAPI || r.Media != file.ID.String() || r.Session == "" || r.Caller != nil || !strings.Contains(r.Error, "signature") {
		t.Errorf("%+v", r)
	}
	if r := found[1]; r.Outcome != accesslog.Failed || r.From != accesslog.FromCache || r.Media != file.ID.String() || !strings.Contains(string(r.Detail), `"object"`) || r.Error == "" {
		t.Errorf("%+v", r)
	}
	opens := of(records(t, log), accesslog.OpOpen)
	if r := opens[0]; r.Outcome != accesslog.Failed || r.Errno != "EIO" || r.Media != file.ID.String() {
		t.Errorf("%+v", r)
	}
}

func (w *killWorld) pathOf(media string) string {
	for _, path := range w.paths {
		if strings.Contains(path, media) {
			return filepath.Join(w.point, path)
		}
	}
	w.t.Fatal("no such file")
	return ""
}
