// Package spill keeps the sealed bytes of objects that the cache's disk does
// not take: in memory, or in temporary files that have no name.
//
// # What it promises
//
// All files of a [Room] together stay within its limits. What is larger than a
// file may be at all fails at once, what finds no room now waits for [Patience]
// until others are closed. A temporary file is on a disk if any has room, not in memory.
//
// # What it does not promise
//
// It seals nothing: it must be given sealed bytes. Nothing survives the process.
//
// # Concurrency
//
// A [Room] may be used by any number of goroutines. A [File] is written by one;
// after that any number may read it.
package spill
