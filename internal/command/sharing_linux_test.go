//go:build sharing

// Tests of what docs/sharing.md says, with the servers that it names; make test-sharing
// installs them.

package command_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/veriff/sandbox"
)

// TestSMB: a session goes through Samba byte by byte, looking at it fetches nothing, and
// nothing can be written.
func TestSMB(t *testing.T) {
	w, s := sambaWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	p := w.mount("--allow-other", "--read-ahead", "off", "--access-log", log, "--access-log-mode", "required")
	session, file := path.Split(w.paths[0])
	before := w.Requests().ByKind[sandbox.Media]
	s.says(file, "ann", "media", "cd "+session+"; ls")
	if n := w.Requests().ByKind[sandbox.Media] - before; n != 0 || len(of(records(t, log), accesslog.OpOpen)) != 0 {
		t.Errorf("looking fetched %d files", n)
	}
	for _, name := range w.paths {
		if path.Dir(name)+"/" == session {
			s.gets("ann", "media", name, w.content[name])
		}
	}
	opens := of(records(t, log), accesslog.OpOpen)
	if len(opens) != 10 || opens[0].Caller.UID != 23001 || opens[0].Caller.Command != "smbd" || opens[0].Caller.Executable == "" || opens[0].Outcome != accesslog.Success {
		t.Errorf("%d records, the first is %+v", len(opens), opens[0])
	}

	s.gets("ann", "forced", w.paths[0], w.content[w.paths[0]])
	if opens := of(records(t, log), accesslog.OpOpen); opens[len(opens)-1].Caller.UID != 23002 {
		t.Errorf("not the user whom Samba is told to be: %+v", opens[len(opens)-1])
	}
	for _, line := range []string{"put smb.conf x", "mkdir x", "rm " + w.paths[0], "rename " + w.paths[0] + " x"} {
		s.says("NT_STATUS_ACCESS_DENIED", "ann", "media", line)
	}
	shouted := session + strings.ToUpper(file)
	s.gets("ann", "media", shouted, w.content[w.paths[0]])
	s.says("NT_STATUS_OBJECT_NAME_NOT_FOUND", "ann", "cased", "get "+shouted+" x")

	// Links are followed by the server, if they lead to somewhere in the share.
	links, err := os.ReadDir(filepath.Join(w.point, "by-context", path.Base(session)))
	if err != nil || len(links) != 10 {
		t.Fatalf("%d links, %v", len(links), err)
	}
	link := "by-context/" + path.Base(session) + "/" + links[0].Name()
	target, err := filepath.EvalSymlinks(filepath.Join(w.point, link))
	if err != nil {
		t.Fatal(err)
	}
	s.gets("ann", "media", link, w.content[path.Join(session, path.Base(target))])
	s.says("NT_STATUS_OBJECT_NAME_NOT_FOUND", "ann", "contexts", "get "+strings.TrimPrefix(link, "by-context/")+" x")
	w.terminate(p)
}

// TestSMBReaders: those who may read, and how much, are the people at the other end: Samba
// acts as them, with their groups.
func TestSMBReaders(t *testing.T) {
	w, s := sambaWorld(t)
	log := filepath.Join(t.TempDir(), "log")
	p := w.mount("--allow-other", "--allow-user", "23001", "--allow-group", "24001", "--open-budget", "2/1h", "--access-log", log, "--access-log-mode", "required")
	file := w.paths[0]
	s.gets("ann", "media", file, w.content[file])
	s.gets("ben", "media", file, w.content[file])
	s.says("sessions", "mallory", "media", "ls")
	s.says("NT_STATUS_ACCESS_DENIED", "mallory", "media", "ls sessions/*")
	s.says("NT_STATUS_ACCESS_DENIED", "mallory", "media", "get "+file+" x")
	s.gets("ann", "media", file, w.content[file])
	s.says("NT_STATUS_DISK_FULL", "ann", "media", "get "+file+" x")
	s.gets("ben", "media", file, w.content[file])
	w.terminate(p)
	opens, turned := of(records(t, log), accesslog.OpOpen), of(records(t, log), accesslog.OpEnter)
	for i, want := range []struct {
		uid     uint32
		outcome accesslog.Outcome
	}{{23001, accesslog.Success}, {23002, accesslog.Success}, {23001, accesslog.Success}, {23001, accesslog.Refused}, {23002, accesslog.Success}} {
		if i >= len(opens) || opens[i].Caller.UID != want.uid || opens[i].Outcome != want.outcome {
			t.Fatalf("record %d of %d is not of %+v: %+v", i, len(opens), want, opens)
		}
	}
	if len(turned) == 0 || turned[0].Caller.UID != 23003 || turned[0].Errno != "EACCES" {
		t.Errorf("%+v", turned)
	}
}

// TestSMBFaults: what the client is told when a file can't be had, and when its size was
// not known.
func TestSMBFaults(t *testing.T) {
	w, s := sambaWorld(t)
	size := w.Set(sandbox.Match{}, sandbox.ListSize("10"))
	p := w.mount("--allow-other", "--read-ahead", "off")
	s.gets("ann", "media", w.paths[0], w.content[w.paths[0]])
	size.Remove()
	for status, want := range map[int]string{500: "NT_STATUS_IO_DEVICE_ERROR", 401: "NT_STATUS_ACCESS_DENIED", 404: "NT_STATUS_OBJECT_NAME_NOT_FOUND"} {
		fault := w.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Status(status))
		s.says(want, "ann", "media", "get "+w.paths[1]+" x")
		fault.Remove()
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
}

// TestSMBRestart: a connection to a share of the directory above outlasts the mount. Without
// a mount there is no share, where the configuration says so.
func TestSMBRestart(t *testing.T) {
	w, s := sambaWorld(t)
	p := w.mount("--allow-other")
	c := s.connect("ann", "above")
	file := w.paths[0]
	get := func(when string) {
		t.Helper()
		c.get("mnt/" + file)
		s.got("got", w.content[file], when)
	}
	get("mounted")
	w.terminate(p)
	s.says("NT_STATUS_ACCESS_DENIED", "ann", "above", "ls")
	c.get("mnt/" + file)
	if _, err := os.Stat(filepath.Join(s.dir, "got")); err == nil {
		t.Error("got without a mount")
	}
	p = w.mount("--allow-other")
	get("mounted again")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	c.get("mnt/" + file)
	p = w.mount("--allow-other")
	get("after a crash")
	w.terminate(p)
}
