package fs

import "github.com/hanwen/go-fuse/v2/fuse"

// wholeDirs has each read of a directory begin at its offset. When the kernel comes back to
// an earlier one (a signal, a program with a small buffer), go-fuse would repeat what it
// returned last, and lose all of that which no longer fits because the kernel now asks for
// attributes as well: names would be missing.
type wholeDirs struct{ fuse.RawFileSystem }

func (w wholeDirs) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	w.rewind(cancel, in)
	return w.RawFileSystem.ReadDir(cancel, in, out)
}

func (w wholeDirs) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	w.rewind(cancel, in)
	return w.RawFileSystem.ReadDirPlus(cancel, in, out)
}

// rewind makes go-fuse forget what it returned last, by a read that has no room for any
// entry: it has to seek for the next one.
func (w wholeDirs) rewind(cancel <-chan struct{}, in *fuse.ReadIn) {
	start := *in
	start.Offset = 0
	w.RawFileSystem.ReadDir(cancel, &start, fuse.NewDirEntryList(nil, 0))
}
