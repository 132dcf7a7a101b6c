// Package accesslog has the terms of the access log, which records who opened what, so
// that a change of the record shows: what a record says, and what takes one.
//
// A log is lines of JSON in files, an RFC 6962 Merkle tree over them, and signed
// checkpoints. docs/access-log-format.md describes the files,
// docs/accountability.md what they prove. In the packages below, logfile is the
// form of the files, writer writes them, audit reads, verifies and proves, and anchor
// keeps checkpoints elsewhere.
//
// # What it promises
//
// Who makes records needs this package alone, whatever becomes of them. It does no
// I/O. A field's name in JSON never changes its meaning, since logs outlast versions.
//
// # What it does not promise
//
// It checks nothing of what a record says.
//
// # Concurrency
//
// Its types are values without locks. A Recorder may be used by several goroutines.
package accesslog
