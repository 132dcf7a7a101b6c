package fs

import (
	"testing"

	"veriffs/veriff"
)

// TestFixedInodeNumbers: no id has the inode number of what has no id.
func TestFixedInodeNumbers(t *testing.T) {
	for ino := uint64(rootIno); ino <= sessionsIno; ino++ {
		if !veriff.Reserved(ino) {
			t.Errorf("an id can have the inode number %d", ino)
		}
	}
}
