// Package mountpoint mounts and unmounts veriffs. It knows the kernel's table
// of mounts, fusermount3 and /proc, and nothing of what a mount shows.
//
// # What it promises
//
// It never asks a mount anything without a time limit, because a mount may be
// dead (its process has ended) or stuck (its process does not answer). What is
// mounted is read from the table of mounts, and who uses a mount from /proc.
//
// It touches only mounts of veriffs. [New] replaces a dead one on its mount
// point and refuses a live one. It mounts only over an empty directory.
//
// A mount that is in use can be unmounted: it leaves the tree at once, and
// [Busy] says who uses it. Whoever has something open can go on until the
// process of the mount ends, which is the caller's part; see [Grace].
//
// What a person can do something about is an [*Error], with a hint.
//
// # What it does not promise
//
// Processes that this one may not look into are missing from [Busy]. On macOS
// dead mounts, users of a mount and unmounting by others are not noticed.
//
// # Concurrency
//
// Everything may be called from any number of goroutines. There are no locks.
package mountpoint

import (
	"fmt"
	"log/slog"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Type is the subtype of our mounts: the kernel calls them fuse.veriffs, which
// indexers can be told to pass over.
const Type = "veriffs"

// sourcePrefix begins the source of each of our mounts in the table of mounts.
const sourcePrefix = "veriff:"

// Source is the source of a mount in the table of mounts.
func Source(account string) string { return sourcePrefix + account }

// Error says in words for a person why something could not be mounted or
// unmounted, and what to do about it.
type Error struct {
	Mountpoint, Reason, Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("mount on %s: %s", e.Mountpoint, e.Reason) }

// Mount is a mount that this process serves.
type Mount struct {
	server  *fuse.Server
	entry   mountEntry
	gone    chan struct{}
	unwatch func()
}

// New mounts a tree on point and serves it. Errors are of type *Error.
func New(point string, tree fuse.RawFileSystem, o *fuse.MountOptions, log *slog.Logger) (*Mount, error) {
	if err := prepare(point, o.AllowOther, log); err != nil {
		return nil, err
	}
	server, err := connect(point, tree, o)
	if err != nil {
		return nil, &Error{Mountpoint: point, Reason: err.Error(), Hint: mountHint}
	}
	m := &Mount{server: server, entry: mountEntry{point: point}, gone: make(chan struct{}), unwatch: func() {}}
	if entry, mounted := mountedAt(point); mounted && entry.fsType == tableType {
		m.entry = entry
		m.unwatch = watchTable(entry.device, func() { close(m.gone) })
		tuneReadahead(entry.device, log)
	}
	return m, nil
}

// serve answers the kernel's requests on a directory, or on a connection given as
// /dev/fd/N, once it has answered the first.
func serve(dir string, tree fuse.RawFileSystem, o *fuse.MountOptions) (*fuse.Server, error) {
	server, err := fuse.NewServer(tree, dir, o)
	if err != nil {
		return nil, err
	}
	go server.Serve()
	return server, server.WaitMount()
}

// Wait returns when the mount has ended: when it was unmounted, by whomever,
// and nobody has anything of it open.
func (m *Mount) Wait() {
	m.server.Wait()
	m.unwatch()
}

// Gone is closed when the mount has left the tree, whoever unmounted it. It may
// still be in use.
func (m *Mount) Gone() <-chan struct{} { return m.gone }

// Unmount takes the mount out of the tree, even if it is in use: then busy says
// who uses it. It is no error if somebody else has unmounted it. It asks the
// mount nothing: a process that is killed while it waits for itself can't end.
//
// Errors are of type *Error.
func (m *Mount) Unmount() (busy *Busy, err error) {
	if !inTable(m.entry.device) {
		return nil, nil
	}
	if top, _ := mountedAt(m.entry.point); top.device != m.entry.device {
		return nil, &Error{Mountpoint: m.entry.point, Reason: "it was moved, or something else is mounted over it", Hint: unmountHint(m.entry.point)}
	}
	return takeAway(m.entry, func() string { return fateGrace })
}
