package command_test

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() { scriptCommands["damaged"] = damaged }

// damaged DIR flips a bit of the largest file below a directory.
func damaged(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "damaged DIR")
	largest, size := "", int64(0)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	text, err := os.ReadFile(largest)
	ts.Check(err)
	text[len(text)/2] ^= 1
	ts.Check(os.Chmod(largest, 0o600))
	ts.Check(os.WriteFile(largest, text, 0o600)) // in place: its inode stays
}
