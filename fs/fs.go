// Package fs shows a library as a read-only file system. It alone talks to
// go-fuse, and it alone turns errors into errno values.
//
// What it promises: only Lookup, Open and Opendir wait for the network,
// because the kernel can't cancel a buffered read; a wait ends when the
// caller is sent a signal to end it, and for no lesser one; a read returns verified
// bytes or an error, never fewer bytes than there are. What the kernel keeps
// for long is taken back explicitly, from one queue (see notify.go).
//
// Inode numbers are the first eight bytes of an id, so that name order, inode
// order and directory order are one order, the same after every mount. The
// generation is the other eight bytes: an inode's identity is the whole id.
package fs

import (
	"cmp"
	"log/slog"
	"os"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/fs/mountpoint"
	"veriffs/internal/library"
	"veriffs/veriff"
)

// How long the kernel may keep what it was told. Everything that can change
// is taken back by a notice; names that can never exist are not.
const (
	entryTimeout    = time.Hour
	attrTimeout     = time.Hour
	impossibleNames = time.Hour // absence of a name that no id can have
)

// Options is what a mount is made of.
type Options struct {
	Library    *library.Library
	Mountpoint string
	// Account names the integration in the table of mounts; it must not be secret.
	Account string
	// AllowOther lets other users in, and then shows modes that let them read.
	AllowOther bool
	// Inodes is how many inodes the kernel may keep before it is asked to
	// forget those of files that nobody opened. 0: a hundred thousand.
	Inodes int
	Logger *slog.Logger
}

// Mount is a mounted library.
type Mount struct {
	*mountpoint.Mount
	tree *tree
}

// tree is what all nodes share.
type tree struct {
	lib               *library.Library
	log               *slog.Logger
	uid, gid          uint32
	dirMode, fileMode uint32
	notices           notices
	inodes            inodes
	interest          *interest
	sessions          *collection[veriff.SessionID]
	contexts          *collection[veriff.SessionID]
	metadata          *collection[veriff.SessionID]
	attempts          *collection[veriff.AttemptID]
}

// New mounts the library and returns once the mount answers. The errors that
// a person can do something about are of type *mountpoint.Error.
func New(o Options) (*Mount, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &tree{
		lib: o.Library, log: o.Logger,
		uid: uint32(os.Getuid()), gid: uint32(os.Getgid()),
		dirMode: 0o500, fileMode: 0o400,
		interest: newInterest(),
	}
	if o.AllowOther {
		t.dirMode, t.fileMode = 0o555, 0o444
	}
	mounted, err := mountpoint.New(o.Mountpoint, &rootDir{tree: t}, t.options(o), o.Logger)
	if err != nil {
		return nil, err
	}
	t.inodes.most = int64(cmp.Or(o.Inodes, inodesKept))
	t.inodes.stop, t.inodes.done = make(chan struct{}), make(chan struct{})
	go t.keepFewInodes()
	t.notices.start(t.log)
	t.lib.Observe(t.changed)
	return &Mount{mounted, t}, nil
}

// options are the settings of the mount; docs/design.md gives the reason and
// the measurement behind each.
func (t *tree) options(o Options) *fusefs.Options {
	entry, attr, negative := entryTimeout, attrTimeout, impossibleNames
	// go-fuse keeps two loggers, and says on both what a user can't act on.
	logger := slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	return &fusefs.Options{
		EntryTimeout: &entry, AttrTimeout: &attr, NegativeTimeout: &negative,
		RootStableAttr: &fusefs.StableAttr{Ino: rootIno},
		Logger:         logger,
		MountOptions: fuse.MountOptions{
			FsName:               mountpoint.Source(o.Account),
			Name:                 mountpoint.Type,
			Options:              []string{"ro", "default_permissions", "nosuid", "nodev", "noexec"},
			AllowOther:           o.AllowOther,
			MaxWrite:             1 << 20,
			MaxBackground:        512,
			DisableSplice:        true,
			DisableXAttrs:        true,
			EnableSymlinkCaching: true,
			ExtraCapabilities:    readdirplusAuto,
			Logger:               logger,
		},
	}
}

// Wait returns when the file system has ended: when it was unmounted, by
// whomever, and nobody has anything of it open.
func (m *Mount) Wait() {
	m.Mount.Wait()
	m.tree.inodes.end.Do(func() { close(m.tree.inodes.stop) })
	<-m.tree.inodes.done
	m.tree.lib.Observe(nil)
	m.tree.notices.stop()
}

// dirAttr fills in the attributes of a directory.
func (t *tree) dirAttr(a *fuse.Attr, mtime time.Time, subdirectories int) {
	a.Mode = syscall.S_IFDIR | t.dirMode
	a.Nlink = uint32(2 + subdirectories)
	t.ownAttr(a, mtime)
	a.Blksize = 4096
	// A directory's date comes with its listing. Were that a change of status,
	// tar would complain of a file that changed as it was read.
	a.Ctime, a.Ctimensec = 0, 0
}

// fileAttr fills in the attributes of a file of size bytes.
func (t *tree) fileAttr(a *fuse.Attr, mtime time.Time, size int64) {
	a.Mode = syscall.S_IFREG | t.fileMode
	a.Nlink = 1
	a.Size = uint64(size)
	// Never 0 for a file with content: tar -S would store a hole.
	a.Blocks = (a.Size + 511) / 512
	// The block size that cp and rsync read by: as large as one request.
	a.Blksize = 128 << 10
	t.ownAttr(a, mtime)
}

func (t *tree) ownAttr(a *fuse.Attr, mtime time.Time) {
	a.Uid, a.Gid = t.uid, t.gid
	if !mtime.IsZero() {
		a.SetTimes(&mtime, &mtime, &mtime)
	}
}
