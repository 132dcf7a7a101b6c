// Package cache keeps bytes by key on disk, sealed, within a bound, and safe
// against crashes, sick disks and tampering.
//
// # What it promises
//
// Right bytes or none. Everything on disk is sealed with AES-256-GCM and
// bound to its key, its length and its place. An object that was cut,
// extended, edited, swapped, moved or torn by a power cut is a miss: it is
// deleted, counted and logged once, and the caller fetches it again.
//
// Nothing readable. Keys, labels and contents never reach a disk in clear,
// temporary files and files outside the directory included. File names are
// keyed hashes. Lengths, times of storing and of last use, and the number of
// objects can be seen by whoever reads the directory.
//
// Nothing lost by a typo. What a secret sealed that is not configured is left
// alone, and takes room, until [Cache.SweepForeign] says that the configured
// one is right, or [Cache.PurgeAll] that everything is to go.
//
// A hard bound. The blocks on disk of everything below the directory,
// temporaries included, stay within [Options.Limit] as du counts them. Room is
// made before bytes are written. An object that is removed while it is open
// counts until it is closed. Files of a foreign secret that are more than the
// limit can't be helped; then nothing is added.
//
// A read hardly ever fails because the cache did. When there is no room, or the
// disk is full, failing, read-only or gone, a [Writer] carries on in memory or
// in an unlinked temporary file and Commit returns an [Object] all the same;
// it is merely forgotten after Close. A sick disk is left alone, probed with
// back-off, and comes back by itself. What is kept outside of the cache is
// bounded, too: when open objects take all of that, Write fails after a wait.
//
// # What it does not promise
//
// Commit does not sync: after a power cut a recent object may be missing,
// damaged (a miss) or the one it replaced. Erasure does sync: what [Cache.Remove],
// [Cache.Purge] or [Options.MaxAge] erased stays erased. One process holds a
// directory at a time; a second one is refused. The cache does not hide
// anything from root, from a debugger, or from whoever has the secret.
//
// # Concurrency
//
// A [Cache] and an [Object] may be used by any number of goroutines, a
// [Writer] by one. Several writers of one key may be at work: the last Commit
// wins, and objects that are open keep reading what they opened.
//
// There are three locks. index.mu guards the index and the byte count, health.mu
// the state of the disk, budget.mu what is outside of it; none is held across
// disk I/O and none is taken while another is held. A name whose file is being replaced or removed is
// claimed in the index (see index.claim), so that two goroutines never work on
// one file name. No wait for another goroutine is without an end: who waits in
// vain does without the disk, or returns an error. Object.mu, which may be held when those two are taken, only
// makes Close wait for reads.
//
// The format of the directory and of a file is written down, with test vectors, in
// docs/cache-format.md.
package cache
