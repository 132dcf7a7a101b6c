package evidence_test

import (
	"bytes"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
)

// TestPrivate: only who exports can read an export, whatever the umask, and also while it
// is being made. Of an encrypted one no piece of a file is on the disk at any time.
func TestPrivate(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case", "case.zip", "case.zip.age"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.ids(1)[0]
			session, _ := h.Session(id)
			temp, dir := t.TempDir(), t.TempDir()
			t.Setenv("TMPDIR", temp)
			o, encrypted := h.options(), filepath.Ext(name) == ".age"
			if encrypted {
				o.Recipients = []age.Recipient{identity.Recipient()}
			}
			plain := 0
			look := func() {
				for _, below := range []string{dir, temp} {
					walk(t, below, func(path string, info iofs.FileInfo, text []byte) {
						if info.Mode().Perm()&0o077 != 0 {
							t.Errorf("%s: %v", path, info.Mode())
						}
						for _, f := range session.Attempts[0].Media {
							if bytes.Contains(text, h.Bytes(f.ID)) {
								plain++
							}
						}
					})
				}
			}
			source := &failing{Source: h.source, after: func(exhibit.Item) { look() }}
			if _, err := evidence.Export(t.Context(), source, h.plan(exhibit.Selection{}, id), filepath.Join(dir, name), o); err != nil {
				t.Fatal(err)
			}
			look()
			if encrypted && plain > 0 || name == "case" && plain == 0 {
				t.Errorf("files were on the disk %d times", plain)
			}
		})
	}
}

// walk reads all files below a directory, without the directory itself.
func walk(t *testing.T, dir string, see func(path string, info iofs.FileInfo, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var text []byte
		if !d.IsDir() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		see(path, info, text)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
