package fs

import (
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/veriff"
)

// Inode numbers of the directories that no id names. No id has one of them:
// the veriff package refuses ids that begin with seven zero bytes and less.
const (
	rootIno     = 1
	sessionsIno = 2
)

// sessionAttr and mediaAttr are the identity of a session's directory and of
// a media file.
func sessionAttr(id veriff.SessionID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: hi, Gen: lo}
}

func mediaAttr(id veriff.MediaID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: hi, Gen: lo}
}
