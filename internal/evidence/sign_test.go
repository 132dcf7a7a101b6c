package evidence_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
)

// startAgent runs an SSH agent with a key and returns its socket.
func startAgent(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var served sync.WaitGroup
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				agent.ServeAgent(keys, conn) // until the client closes
				conn.Close()
			})
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
		served.Wait()
	})
	return socket
}

// A key comes from a file or, by its public key, from an agent.
func TestLoadSigner(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	key := ed25519.NewKeyFromSeed(seed)
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte("a passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"key.pub": ssh.MarshalAuthorizedKey(public), "locked": pem.EncodeToMemory(locked), "garbage": []byte("x"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := startAgent(t, key)
	for _, name := range []string{"key.pub", "locked"} {
		s, err := evidence.LoadSigner(filepath.Join(dir, name), socket)
		if err != nil {
			t.Fatal(name, err)
		}
		if s.Public() != strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) {
			t.Errorf("%s: %s", name, s.Public())
		}
		if _, err := s.SignSSH(strings.NewReader("x"), evidence.Namespace); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := startAgent(t, ed25519.NewKeyFromSeed(append([]byte{1}, seed[1:]...)))
	for _, c := range []struct{ name, socket, want string }{
		{"key.pub", "", "no SSH agent"}, {"key.pub", other, "does not have the key"}, {"key.pub", filepath.Join(dir, "none"), "SSH agent"},
		{"garbage", socket, "neither"}, {"none", socket, "no such file"},
	} {
		if _, err := evidence.LoadSigner(filepath.Join(dir, c.name), c.socket); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := evidence.LoadSigner(filepath.Join(dir, "locked"), other); !errors.Is(err, evidence.ErrPassphrase) {
		t.Error(err)
	}
}

// No manifest lists the file of the signature, and what is before or after a signature
// counts for nothing: a bag with anything else in that file is not as it was exported.
func TestSignatureFile(t *testing.T) {
	const name = "tagmanifest-sha512.txt.sig"
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(1)...)
	original := files(t, bag)[name]
	for what, text := range map[string]string{
		"before it":       "examined by the court\n" + original,
		"after it":        original + "examined by the court\n",
		"a line end":      original + "\n",
		"other line ends": strings.ReplaceAll(original, "\n", "\r\n"),
	} {
		if err := os.WriteFile(filepath.Join(bag, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := check(t, bag, evidence.VerifyOptions{}); !has(r, evidence.Changed, name) {
			t.Errorf("%s: %v", what, r.Problems)
		}
	}
}
