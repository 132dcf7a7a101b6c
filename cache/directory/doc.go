// Package directory is a cache's directory on disk: it checks, locks, lays out
// and walks it. docs/cache-format.md says what is in it.
//
// # What it promises
//
// [Open] takes only a directory that is empty or was made by this package, that
// nobody else can access, and that no other process holds; it leaves what it
// refuses as it was. All paths are resolved from the open directory, so nobody
// can swap it later, and lead out of it through no symbolic link. Files that
// the cache did not make are left alone, except in tmp, which Open empties.
//
// # What it does not promise
//
// Writes are not synced, except those of Open; see [Directory.Sync]. Names and
// contents of objects mean nothing to it.
//
// # Concurrency
//
// A [Directory] may be used by any number of goroutines. After Close its
// methods fail with fs.ErrClosed.
package directory
