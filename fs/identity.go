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

// taggedAttr is the identity of something of a session that is not the session itself.
//
// File handles have the kernel's number of an inode, which the next mount gives to
// something else, and the low 32 bits of the generation: these have to differ for a
// handle to go stale. So the tag is there, too.
func taggedAttr(id veriff.SessionID, t tag, mode uint32) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: mode, Ino: tagged(hi, t), Gen: lo ^ uint64(t)}
}

// sessionAttr, contextsAttr and metadataAttr are the identities of a session's
// directories in sessions/, by-context/ and metadata/.
func sessionAttr(id veriff.SessionID) fusefs.StableAttr {
	hi, lo := id.Halves()
	return fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: hi, Gen: lo}
}

func contextsAttr(id veriff.SessionID) fusefs.StableAttr {
	return taggedAttr(id, contextsTag, syscall.S_IFDIR)
}

func metadataAttr(id veriff.SessionID) fusefs.StableAttr {
	return taggedAttr(id, metadataTag, syscall.S_IFDIR)
}

// documentAttr is the identity of a document of a session.
func documentAttr(id veriff.SessionID, kind listing.DocumentKind) fusefs.StableAttr {
	switch {
	case kind == listing.HoldDocument: // for which no version is left
		attr := hashAttr("metadata/" + id.String() + "/" + kind.Name())
		attr.Mode = syscall.S_IFREG
		return attr
	case kind > listing.HoldDocument:
		kind--
	}
	return taggedAttr(id, documentTag+tag(kind), syscall.S_IFREG)
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
