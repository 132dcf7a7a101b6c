package logfile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestBeside(t *testing.T) {
	dir := t.TempDir()
	f := Files{Base: filepath.Join(dir, "access.log")}
	for _, name := range []string{
		"access.log", "access.log.tree", "access.log.checkpoint", "access.log.lock", "access.log.checkpoint.new", "other.log.1", "access.logs",
		"access.log.000000000120", "access.log.000000000007", "access.log.1", "access.log-20261127", "access.log-202611271230", "access.log.2.gz",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(f.Base+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := f.Beside()
	if err != nil {
		t.Fatal(err)
	}
	if want := []RotatedFile{{f.Base + ".000000000007", 7}, {f.Base + ".000000000120", 120}}; !slices.Equal(b.Rotated, want) {
		t.Errorf("rotated: %v", b.Rotated)
	}
	if want := []string{f.Base + "-20261127", f.Base + "-202611271230", f.Base + ".1"}; !slices.Equal(b.Moved, want) {
		t.Errorf("moved: %q", b.Moved)
	}
	if want := []string{f.Base + ".2.gz"}; !slices.Equal(b.Compressed, want) {
		t.Errorf("compressed: %q", b.Compressed)
	}
	if b, err := (Files{Base: filepath.Join(dir, "missing", "access.log")}).Beside(); err != nil || len(b.Old()) > 0 {
		t.Errorf("of a directory that is missing: %v, %v", b, err)
	}
}
