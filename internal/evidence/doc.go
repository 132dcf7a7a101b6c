// Package evidence hands sessions out so that others can check them: as a BagIt
// bag (RFC 8493), a folder or a zip, signed by whoever exports it, with a contact
// sheet for people and a record of each file for programs. It also checks such
// bags, those of strangers too.
//
// # What it promises
//
// A bag appears under its name whole or not at all, and has every file that was
// asked for, or says in its records which are missing and why. The same input,
// time and Ed25519 key give the same bytes, unless the bag is encrypted or has a
// time stamp. sha512sum and ssh-keygen check it without this program.
//
// Nothing in a contact sheet is taken for what it claims to be: pictures are
// decoded and drawn anew, everything else is escaped text, and the page asks
// nobody for anything and runs no script.
//
// [Verify] reads a bag that may be hostile. It follows no link, writes nothing,
// leaves no path outside of the bag, and names every file that was changed, added
// or removed, and what it did not check.
//
// # What it does not promise
//
// That Veriff made the bytes: Veriff's signature is an HMAC, which everybody who
// can check it can also make. The exporter attests that they are what was received.
// That a key belongs to somebody: its fingerprint has to come another way.
//
// # Concurrency
//
// An export runs in its caller's goroutine. A lock on the unfinished bag keeps
// other processes from working on the same one.
package evidence
