// Package hold keeps the records of holds on disk: small sealed files, each with
// the keys of the objects that must not go.
//
// # What it promises
//
// A hold that Write has returned for is on the disk, synced, twice under every
// configured secret, and nothing but Remove takes it away: no limit, no age, no
// damage. A record that can't be read is never deleted and never taken for none:
// Read names it, and its readers hold everything then. One whose other copy can be
// read does no harm. A power cut leaves the hold as it was or as it became.
//
// Nothing readable: a record is sealed as objects are (package seal), and its name
// is a keyed hash.
//
// # What it does not promise
//
// It does not know what a hold says, and protects no object: package cache does.
//
// # Concurrency
//
// It has no lock and no state. Callers write and remove one record at a time.
package hold
