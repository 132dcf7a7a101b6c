package fs

import (
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// Inode numbers of what no id names, in the order of their names. No id has
// one of them: the veriff package refuses ids whose first half is below
// reservedInos.
const (
	rootIno = 1 + iota
	readmeIno
	attemptsIno
	contextsIno
	metadataIno
	sessionsIno

	reservedInos = 256
)

// A tag tells what is named by one id in several trees apart. It takes the
// place of the version in a UUID, so that names and inode numbers keep their
// common order; no UUID has one of these versions.
type tag uint64

const (
	contextsTag tag = 0x9 // by-context/<sessionId>
	metadataTag tag = 0xa // metadata/<sessionId>
	documentTag tag = 0xb // the first document in it, by name; there are five
)

const (
	versionShift = 12 // of the version within the first half of a UUID
	versionMask  = 0xf << versionShift
)

func tagged(hi uint64, t tag) uint64 { return hi&^versionMask | uint64(t)<<versionShift }

// sessionAttr, contextsAttr and metadataAttr are the identities of a session's
// directories in the three trees.
func sessionAttr(id veriff.SessionID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: hi, Gen: lo}
}

func contextsAttr(id veriff.SessionID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: tagged(hi, contextsTag), Gen: lo}
}

func metadataAttr(id veriff.SessionID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: tagged(hi, metadataTag), Gen: lo}
}

// documentAttr is the identity of a document of a session.
func documentAttr(id veriff.SessionID, kind library.DocumentKind) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: tagged(hi, documentTag+tag(kind)), Gen: lo}
}

// attemptAttr is the identity of an attempt's directory, and is another than
// that of a session with the same id.
func attemptAttr(id veriff.AttemptID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: hi, Gen: ^lo}
}

// mediaAttr is the identity of a media file, in whichever tree it is seen.
func mediaAttr(id veriff.MediaID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: hi, Gen: lo}
}
