// Package fs shows a library as a read-only file system. It alone talks to
// go-fuse, and it alone turns errors into errno values. Mounting and unmounting
// are in fs/mountpoint.
//
// # What it promises
//
// Right bytes or an error. A read returns verified bytes, and never fewer than
// are there: a short read would tell the kernel that the file ends.
//
// ENOENT only on the API's word. A name is absent if the API said so, if a
// complete listing lacks it, or if no id can have it. Every other failure is
// another errno, and the kernel caches no failure.
//
// Only Lookup, Open and Opendir wait for the network, because the kernel can't
// cancel a buffered read. A wait ends when the caller gets a signal to end, and
// for no other signal (interrupt.go). Everything else answers from memory or
// from the local disk. The one exception is a read that finds its object
// damaged on the disk: it fetches it again, for [library.RereadTimeout] at most.
//
// One order. An inode number is the first eight bytes of an id, the generation
// the other eight. So name order, inode order and directory order are one order
// and stay the same after every mount, and the identity of an inode is the
// whole id (identity.go).
//
// What the kernel caches is invalidated when it changes: dentries and
// attributes last an hour, pages and directory entries until they are stale.
//
// # What it does not promise
//
// Nothing can be written. There are no extended attributes. A change shows once
// its invalidation has reached the kernel, shortly after the library tells of
// it. A directory that is open is a snapshot and does not change.
//
// # Locking
//
// Any number of calls run at the same time. Small locks guard the queue of
// invalidations, the callers' interest and what a document showed last; none is
// held during a call of the library or of the kernel, or while another is taken.
//
// An invalidation can block until the kernel has finished its own operations
// on that directory, so handlers never send one themselves: they add it to
// the queue (invalidate.go). The exception is an Open that finds another size
// than the kernel was told: it invalidates the attributes of its own inode
// before it returns, which does not deadlock.
package fs
