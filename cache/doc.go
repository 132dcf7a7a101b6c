// Package cache keeps bytes by key on disk: sealed, within a bound, and safe
// against crashes, sick disks and tampering.
//
// # What it promises
//
// Right bytes or none. Everything on disk is sealed with AES-256-GCM and bound
// to its key, its length and its place. An object that was cut, extended,
// edited, swapped, moved or torn by a power cut is a miss: it is deleted,
// counted and logged once, and the caller fetches it again.
//
// Nothing readable. Keys, labels and contents never reach a disk in clear, not
// even in temporary files or outside the directory. File names are keyed
// hashes. Whoever reads the directory sees the number of objects, their lengths,
// and when they were stored and last used.
//
// Nothing lost by a typo. Objects of a secret that is not configured stay, and
// take room, until [Cache.SweepForeign] says that the one configured is right,
// or [Cache.PurgeAll] erases everything.
//
// Held objects stay. What [Holds.Put] holds is not evicted, not too old and not
// erased until [Holds.Release]: across crashes, under every secret that has sealed any
// of it, and when the directory is opened without that secret. It is synced to the
// disk. If the record of a hold can't be read, everything is held. A held object whose
// bytes do not authenticate is gone all the same.
//
// A hard bound. The blocks on disk of everything below the directory,
// temporaries included, stay within [Options.Limit] as du counts them. Room is
// made before bytes are written. An object that is removed while it is open
// counts until it is closed. If foreign objects alone exceed the limit, nothing
// is added.
//
// Reads survive a bad disk. If there is no room, or the disk is full, failing,
// read-only or gone, a [Writer] carries on in memory or in an unlinked
// temporary file, and Commit still returns an [Object], which is forgotten at
// Close. A sick disk is left alone, probed with back-off, and used again when
// it is well. What is kept outside of the disk is bounded, too: when open
// objects take all of that, Write fails after a wait.
//
// # What it does not promise
//
// Commit does not sync what is not held: after a power cut a recent object may be missing,
// damaged (a miss), or the one it replaced. Erasure does sync: what
// [Cache.Remove], [Cache.Purge] or [Options.MaxAge] erased stays erased, and
// what [Cache.Unpin] undid stays undone. One process holds a directory at a time;
// a second one is refused. The cache hides nothing from root, a debugger, or
// whoever has the secret. If somebody else removes the directory, objects of it
// that are open no longer count.
//
// # Concurrency
//
// A [Cache] and an [Object] may be used by any number of goroutines, a
// [Writer] by one. Several writers may write one key: the last Commit wins, and
// open objects keep reading what they opened.
//
// The mutex of [hold.Records] orders the writes of holds, and is held meanwhile. It comes
// before that of [index.Index], which guards what is known and all counts of bytes on
// disk. That of [spill.Room] guards what is outside. Neither of these two is held across
// disk I/O or while the
// other is taken. Object.mu, which makes Close wait for reads, comes before
// both. A name is claimed in the index while its file is replaced or removed,
// so that two goroutines never work on one file. All waiting for other
// goroutines ends: after a while the waiter goes on without the disk, or returns
// an error.
//
// # Panics
//
// A panic in a goroutine of this package, or while an object is written, becomes
// an error, see guard: a bug must not end the mount. Background work logs it and
// ends; a Writer returns it from Write or Commit.
//
// # Where things are
//
// [veriffs/cache/hold] is the records of holds, [veriffs/cache/seal] the format of an
// object, [veriffs/cache/directory]
// the directory, [veriffs/cache/spill] what is kept outside of it, and
// [veriffs/cache/health] the state of the disk. [veriffs/cache/index] knows what is
// there and what may go, without I/O. In this package store adds the files; Cache,
// Object and Writer are what callers see. docs/cache-format.md specifies the
// format, with a test vector.
package cache
