package evidence_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"veriffs/internal/evidence"
)

// FuzzVerify: whatever an archive holds, its check ends, and nothing that was not
// signed is good.
func FuzzVerify(f *testing.F) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"case/bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "case/manifest-sha512.txt": "00  data/x\n", "case/data/x": "x",
		"case/bag-info.txt": "Payload-Oxum: 1.1\n  more\n", "case/data/y/record.json": `{"format":"veriffs-evidence/1","files":[{"path":"data/x"}]}`,
	} {
		e, err := w.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		e.Write([]byte(text))
	}
	w.Close()
	f.Add(b.Bytes())
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		name := filepath.Join(t.TempDir(), "case.zip")
		if err := os.WriteFile(name, archive, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := evidence.Verify(t.Context(), name, evidence.VerifyOptions{}); err == nil && r.Good() {
			t.Errorf("%+v", r)
		}
	})
}
