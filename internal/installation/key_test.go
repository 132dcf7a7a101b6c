package installation

import (
	"bytes"
	"errors"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestOpenAgreesOnOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "key")
	if _, err := Load(path); !errors.Is(err, iofs.ErrNotExist) {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		all.Go(func() {
			k, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = k.Public()
		})
	}
	all.Wait()
	for _, k := range keys {
		if k == "" || k != keys[0] {
			t.Errorf("%q", keys)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if _, err := Open(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		write("readable", text, 0o640), write("writable", text, 0o602), write("empty", nil, 0o600),
		write("cut", text[:len(text)/2], 0o600), link, dir,
	} {
		var e *Error
		if _, err := Open(path); !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestNoteSigner(t *testing.T) {
	k, err := Open(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Signer("veriffs/1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: "hello\n"}, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(k.VerifierKey("veriffs/1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(text, note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a+b", "\xff"} {
		if _, err := k.Signer(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// TestSSH: ssh-keygen accepts what we sign, we accept what it signs with our key, and
// neither accepts anything else.
func TestSSH(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("a receipt\n")
	signature, err := k.SignSSH(bytes.NewReader(message), "veriffs-receipt")
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifySSH(bytes.NewReader(message), signature, k.Public(), "veriffs-receipt"); err != nil {
		t.Error(err)
	}
	if VerifySSH(strings.NewReader("another\n"), signature, k.Public(), "veriffs-receipt") == nil ||
		VerifySSH(bytes.NewReader(message), signature, k.Public(), "another") == nil ||
		VerifySSH(bytes.NewReader(message), signature, "", "veriffs-receipt") == nil {
		t.Error("verified what was not signed")
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for name, text := range map[string]string{
		"allowed": "me " + k.Public() + "\n", "message": string(message), "sig": string(signature),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(message []byte) error {
		c := exec.Command("ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "me", "-n", "veriffs-receipt", "-s", "sig")
		c.Dir, c.Stdin = dir, bytes.NewReader(message)
		return c.Run()
	}
	if err := verify(message); err != nil {
		t.Error(err)
	}
	if verify([]byte("another\n")) == nil {
		t.Error("ssh-keygen verified what was not signed")
	}
	c := exec.Command("ssh-keygen", "-Y", "sign", "-f", "key", "-n", "veriffs-receipt", "message")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "message.sig"))
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifySSH(bytes.NewReader(message), theirs, k.Public(), "veriffs-receipt"); err != nil {
		t.Error(err)
	}
	out, err := exec.Command("ssh-keygen", "-l", "-f", filepath.Join(dir, "key")).Output()
	if err != nil || !strings.Contains(string(out), k.Fingerprint()) {
		t.Errorf("%s %v", out, err)
	}
}
