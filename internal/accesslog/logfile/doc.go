// Package logfile is the form of the access log's files: lines, the hashes of their
// tree, signed checkpoints, names, and the lock. docs/access-log-format.md describes
// them.
//
// # What it promises
//
// It opens nothing but regular files, and follows no link in the last part of a path.
// Disk.Replace gives a file new contents all or nothing. A line is held in memory only
// up to a bound, whatever a file has.
//
// # What it does not promise
//
// What is read is not verified, but for the signature of a checkpoint: audit does that.
// Nothing keeps a writer from working without the lock.
//
// # Concurrency
//
// TakeLock keeps apart those who write, in this process and in others, on one machine.
// A Frontier may be used by one goroutine at a time; all else has no state.
package logfile
