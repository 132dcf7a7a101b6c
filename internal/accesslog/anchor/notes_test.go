package anchor

import (
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
)

func FuzzCheckpoint(f *testing.F) {
	key, err := installation.Open(filepath.Join(f.TempDir(), "key"))
	if err != nil {
		f.Fatal(err)
	}
	s, err := key.Signer("veriffs/1")
	if err != nil {
		f.Fatal(err)
	}
	text, err := logfile.Checkpoint{Origin: "veriffs/1", Size: 7, Root: tlog.Hash{1}}.Sign(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("veriffs/1\n7\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, n := range Notes(string(text)) {
			logfile.ParseCheckpoint([]byte(n), key.VerifierKey("veriffs/1"))
		}
		c, err := logfile.ParseCheckpoint(text, key.VerifierKey("veriffs/1"))
		if err == nil && (c.Size != 7 || c.Root != tlog.Hash{1}) {
			t.Errorf("%+v", c)
		}
	})
}
