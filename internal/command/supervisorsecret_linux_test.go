package command_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSupervisorReadsNoSecret: the process that restarts a mount has the secrets of the
// environment in its memory, and none of a file, which the mount itself has read.
func TestSupervisorReadsNoSecret(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can look into the memory of another process")
	}
	t.Parallel()
	w := &supervisedWorld{killWorld: newKillWorld(t)}
	secret := w.Secrets()[0]
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	w.environment = append(slices.DeleteFunc(w.environment, func(v string) bool { return strings.HasPrefix(v, "VERIFF_SHARED_SECRET=") }),
		"VERIFFS_SHARED_SECRET_FILE="+file)
	w.start(w.command("mount", "--background", w.point))
	s := w.status()
	if !inMemory(t, s.PID, secret) {
		t.Error("the mount does not have the secret, so that nothing is shown")
	}
	if inMemory(t, s.Supervisor, secret) {
		t.Error("the supervisor has the secret of the file")
	}
	if !inMemory(t, s.Supervisor, w.APIKey) {
		t.Error("the supervisor does not have the key of the environment")
	}
	w.must("unmount", w.point)
	w.endsWith(s)
}

// inMemory looks for a text in the memory of a program that belongs to no file, as Go's
// heap does, wherever it begins.
func inMemory(t *testing.T, pid int, text string) bool {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to, offset, inode int64
		var mode, device string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s %x %s %d", &from, &to, &mode, &offset, &device, &inode); err != nil || !strings.HasPrefix(mode, "rw") || inode != 0 {
			continue
		}
		b := make([]byte, to-from)
		n, _ := memory.ReadAt(b, from) // what is gone meanwhile is no part of it
		if bytes.Contains(b[:n], []byte(text)) {
			return true
		}
	}
	return false
}
