package fs

import (
	"context"
	"slices"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

// rootDir is the mount point. Its entries never change.
type rootDir struct {
	fusefs.Inode
	*tree
	entries  []rootEntry // in name order
	unlisted []rootEntry // so that no copy has them
}

var (
	_ fusefs.NodeOnAdder        = (*rootDir)(nil)
	_ fusefs.NodeGetattrer      = (*rootDir)(nil)
	_ fusefs.NodeLookuper       = (*rootDir)(nil)
	_ fusefs.NodeStatfser       = (*rootDir)(nil)
	_ fusefs.NodeOpendirHandler = (*rootDir)(nil)
)

// The names in the mount point.
const (
	readmeName   = "README.txt"
	attemptsName = listing.AttemptsTree
	contextsName = listing.ContextsTree
	metadataName = listing.MetadataTree
	sessionsName = listing.SessionsTree
	noSpotlight  = ".metadata_never_index" // asks Spotlight not to index the volume
)

// OnAdd makes all entries. Another directory beside by-context/ is added here.
func (r *rootDir) OnAdd(ctx context.Context) {
	sessions := r.sessionIDs()
	r.attempts = &collection[veriff.AttemptID]{
		tree: r.tree, ino: attemptsIno, ids: r.attemptIDs(), identity: attemptAttr,
		contents: mediaFiles[veriff.AttemptID]{r.tree, r.lib.Attempt, r.lib.FindInAttempt},
	}
	r.contexts = &collection[veriff.SessionID]{
		tree: r.tree, ino: contextsIno, ids: sessions, identity: contextsAttr,
		contents: contextLinks{r.tree},
	}
	r.metadata = &collection[veriff.SessionID]{
		tree: r.tree, ino: metadataIno, ids: sessions, identity: metadataAttr,
		contents: documents{r.tree},
	}
	r.sessions = &collection[veriff.SessionID]{
		tree: r.tree, ino: sessionsIno, ids: sessions, identity: sessionAttr,
		contents: mediaFiles[veriff.SessionID]{r.tree, r.lib.Enter, r.lib.Find},
	}
	r.entries = []rootEntry{
		{readmeName, syscall.S_IFREG, readmeIno, r.fixed(readmeIno, readmeText)},
		{attemptsName, syscall.S_IFDIR, attemptsIno, r.attempts},
		{contextsName, syscall.S_IFDIR, contextsIno, r.contexts},
		{metadataName, syscall.S_IFDIR, metadataIno, r.metadata},
		{sessionsName, syscall.S_IFDIR, sessionsIno, r.sessions},
	}
	r.unlisted = []rootEntry{{noSpotlight, syscall.S_IFREG, noSpotlightIno, r.fixed(noSpotlightIno, nil)}}
	for _, e := range slices.Concat(r.entries, r.unlisted) {
		child := r.NewPersistentInode(ctx, e.node, fusefs.StableAttr{Mode: e.mode, Ino: e.ino})
		r.AddChild(e.name, child, false)
	}
}

func (r *rootDir) fixed(ino uint64, body []byte) *fixedFile {
	return &fixedFile{tree: r.tree, ino: ino, body: body}
}

// Getattr answers from memory.
func (r *rootDir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	const files = 1
	r.dirAttr(&out.Attr, r.lib.Newest(), len(r.entries)-files)
	return 0
}

// Lookup knows every name there is. These may always be cached: whoever can see the
// mount may see them.
func (r *rootDir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	for _, e := range slices.Concat(r.entries, r.unlisted) {
		if e.name == name {
			out.SetEntryTimeout(entryTimeout)
			return e.look(ctx, &r.Inode, name, out)
		}
	}
	return nil, syscall.ENOENT
}

// OpendirHandle lists all entries.
func (r *rootDir) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return &openDir{
		dir: &r.Inode, parent: rootIno,
		snapshot: snapshot{len(r.entries), func(i int) entry { return r.entries[i] }},
	}, fuse.FOPEN_CACHE_DIR, 0
}

// rootEntry is an entry of the mount point.
type rootEntry struct {
	name string
	mode uint32
	ino  uint64
	node interface {
		fusefs.InodeEmbedder
		attr(*fuse.Attr) // from memory
	}
}

func (e rootEntry) dirent() fuse.DirEntry {
	return fuse.DirEntry{Name: e.name, Mode: e.mode, Ino: e.ino}
}

func (e rootEntry) look(_ context.Context, _ *fusefs.Inode, _ string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	e.node.attr(&out.Attr)
	return e.node.EmbeddedInode(), 0
}
