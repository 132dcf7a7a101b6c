package fs

import (
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

// The inode numbers of what has no id, in the order of the names. All of them
// are veriff.Reserved, so that no id has one.
const (
	rootIno = 1 + iota
	readmeIno
	attemptsIno
	contextsIno
	metadataIno
	sessionsIno
	noSpotlightIno
)

// A tag distinguishes the directories and documents of one session. It replaces
// the version of the UUID, so that names and inode numbers keep their common
// order. No UUID in use has one of these versions.
type tag uint64

const (
	contextsTag tag = 0x9 // by-context/<sessionId>
	metadataTag tag = 0xa // metadata/<sessionId>
	documentTag tag = 0xb // the first document of the API in it, by name; there are five
)

const (
	versionShift = 12 // of the version, in the first half of a UUID
	versionMask  = 0xf << versionShift
)

func tagged(hi uint64, t tag) uint64 { return hi&^versionMask | uint64(t)<<versionShift }

// sessionAttr, contextsAttr and metadataAttr are the identities of a session's
// directories in sessions/, by-context/ and metadata/.
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
func documentAttr(id veriff.SessionID, kind listing.DocumentKind) fusefs.StableAttr {
	hi, lo := id.Halves()
	switch {
	case kind == listing.HoldDocument: // for which no version is left
		attr := hashAttr("metadata/" + id.String() + "/" + kind.Name())
		attr.Mode = syscall.S_IFREG
		return attr
	case kind > listing.HoldDocument:
		kind--
	}
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: tagged(hi, documentTag+tag(kind)), Gen: lo}
}

// attemptAttr is the identity of an attempt's directory. It differs from that of
// a session with the same id.
func attemptAttr(id veriff.AttemptID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: hi, Gen: ^lo}
}

// mediaAttr is the identity of a media file, in whichever directory it is found.
func mediaAttr(id veriff.MediaID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: hi, Gen: lo}
}
