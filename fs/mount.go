package fs

import (
	"cmp"
	"log/slog"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"veriffs/fs/mountpoint"
	"veriffs/internal/access"
	"veriffs/internal/accesslog"
	"veriffs/internal/library"
)

// How long the kernel may cache what it was told. What can change is
// invalidated when it does; names that no id can have never come to be.
const (
	entryTimeout    = time.Hour
	attrTimeout     = time.Hour
	impossibleNames = time.Hour // the absence of such a name
)

// Options says what to mount, and where.
type Options struct {
	Library    *library.Library
	Mountpoint string
	// Account names the integration in the table of mounts; it must not be secret.
	Account string
	// Source is shown in place of Account, as it is written in fstab; "" for none.
	Source string
	// AllowOther lets other users in.
	AllowOther bool
	// Readers are who may read, of those whom the kernel lets in; nil: all of them.
	Readers *access.Readers
	// OpenBudget bounds how many media files each user opens; nil: nothing does.
	OpenBudget *access.Budget
	// UID and GID are shown as the owner of everything, and Umask are the permissions
	// that nobody has. The kernel goes by them once it has let a user in.
	UID, GID, Umask uint32
	// Inodes is how many media files the kernel may keep before it is asked to
	// forget those that nobody opened. 0: a hundred thousand.
	Inodes int
	// Recorder gets a record of each open of a media file or a document, before the
	// kernel is answered; nil: none. If it fails, so does the open.
	Recorder accesslog.Recorder
	// Arguments adds the command lines of callers to the records.
	Arguments bool
	Logger    *slog.Logger
}

// Mount is a mounted library.
type Mount struct {
	*mountpoint.Mount
	tree *tree
}

// New mounts the library and returns once it serves. Errors are of type
// [*mountpoint.Error].
func New(o Options) (*Mount, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &tree{
		lib: o.Library, log: o.Logger,
		uid: o.UID, gid: o.GID,
		dirMode: 0o555 &^ o.Umask, fileMode: 0o444 &^ o.Umask,
		interest: newInterest(), accounts: newAccounts(o), gate: newGate(o),
	}
	t.queue.start(t.log)
	s := settings(o)
	mounted, err := mountpoint.New(o.Mountpoint, wholeDirs{fusefs.NewNodeFS(&rootDir{tree: t}, s)}, &s.MountOptions, o.Logger)
	if err != nil {
		t.queue.stop()
		t.accounts.close()
		return nil, err
	}
	t.keepFew(int64(cmp.Or(o.Inodes, inodesKept)))
	t.lib.Observe(t.changed)
	return &Mount{mounted, t}, nil
}

// settings returns the settings of the mount; docs/design.md gives the reason
// and the measurement behind each.
func settings(o Options) *fusefs.Options {
	entry, attr, negative := entryTimeout, attrTimeout, impossibleNames
	if o.Readers != nil {
		entry = 0 // so that each caller has to ask for each name: see gate
	}
	// go-fuse has two loggers. What it logs is nothing that a user can act on.
	logger := slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	return &fusefs.Options{
		EntryTimeout: &entry, AttrTimeout: &attr, NegativeTimeout: &negative,
		RootStableAttr: &fusefs.StableAttr{Ino: rootIno},
		Logger:         logger,
		MountOptions: fuse.MountOptions{
			FsName:               cmp.Or(o.Source, mountpoint.Source(o.Account)),
			Name:                 mountpoint.Type,
			Options:              []string{"ro", "default_permissions", "nosuid", "nodev", "noexec"},
			AllowOther:           o.AllowOther,
			MaxWrite:             1 << 20,
			MaxBackground:        512,
			DisableSplice:        true,
			DisableXAttrs:        true,
			EnableSymlinkCaching: o.Readers == nil,
			ExtraCapabilities:    readdirplusAuto,
			Logger:               logger,
		},
	}
}

// Wait returns when the mount has ended: when it was unmounted, by whomever,
// and nobody has anything of it open.
func (m *Mount) Wait() {
	m.Mount.Wait()
	m.tree.inodes.stop()
	m.tree.lib.Observe(nil)
	m.tree.queue.stop()
	m.tree.accounts.close()
}
