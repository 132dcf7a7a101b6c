//go:build sharing

package command_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"veriffs/internal/accesslog"
)

const nfsConfig = `NFS_CORE_PARAM { NFS_Port = %[3]d; Protocols = 4; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFS_KRB5 { Active_krb5 = false; }
NFSv4 { Graceless = true; RecoveryRoot = %[1]s; }
EXPORT { Export_Id = 1; Path = %[2]s; Pseudo = /media; Access_Type = RO; Squash = None; SecType = sys; Filesystem_id = 7.7; FSAL { Name = VFS; } }
`

// TestNFS: what NFS-Ganesha makes of a mount, and why docs/sharing.md advises against it. All
// that it opens it opens as root, and a restart of the mount, after which its handles are
// stale, ends its export.
func TestNFS(t *testing.T) {
	w := newKillWorld(t)
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	p := w.mount("--allow-other", "--allow-user", "23003", "--uid", "23001", "--umask", "077", "--access-log", log, "--access-log-mode", "required")
	config := filepath.Join(dir, "conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nfsConfig, dir, w.point, port), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("ganesha.nfsd", "-F", "-f", config, "-p", filepath.Join(dir, "pid"), "-L", filepath.Join(dir, "log"))
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // told to end, it waits
		_ = server.Wait()
	})
	read := func(uid int) (string, error) {
		out, err := exec.Command("nfs-cat", fmt.Sprintf("nfs://127.0.0.1/media/%s?version=4&nfsport=%d&uid=%d&gid=24002", w.paths[0], port, uid)).Output()
		return string(out), err
	}
	want := string(w.content[w.paths[0]])
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		out, err := read(23001)
		if err == nil && out == want {
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("%d bytes, %v\n%s", len(out), err, text)
		}
	}
	// Not one of the readers, who got it all the same.
	before := len(of(records(t, log), accesslog.OpOpen))
	if out, _ := read(23002); out == want {
		t.Error("the server heeds no permissions of its own")
	}
	opens := of(records(t, log), accesslog.OpOpen)
	if before == 0 || len(opens) != before || opens[0].Caller.UID != 0 || opens[0].Caller.Command != "ganesha.nfsd" {
		t.Errorf("%d records, then %+v", before, opens)
	}
	w.terminate(p)
	p = w.mount("--allow-other", "--uid", "23001", "--umask", "077")
	if out, err := read(23001); out == want {
		t.Errorf("it gets on with the next mount: %v", err)
	}
	w.terminate(p)
}
