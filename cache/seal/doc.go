// Package seal is the format of an object's file: the names that a secret
// gives to keys, the sealed header, and the sealed chunks of the contents.
// docs/cache-format.md specifies it, with a test vector.
//
// # What it promises
//
// [ReadHeader] and [Contents] return what a holder of the secret sealed under
// this name and at this size, or [ErrSeal], or the error of the reader below.
// Names and sealed bytes reveal neither keys, labels nor contents.
//
// # What it does not promise
//
// It can't tell an object from an older one of the same name and size: whoever
// can write to the disk can bring that one back. It opens no file and knows no clock.
//
// # Concurrency
//
// A [Secret], a [Contents] and a [Recent] may be used by any number of goroutines, a
// [Writer] by one.
package seal
