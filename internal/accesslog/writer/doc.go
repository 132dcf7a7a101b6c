// Package writer writes the access log: Record, while a mount or a command works.
//
// logfile has the form of the files, audit what their reader can tell.
//
// # What it promises
//
// With Required, Record returns once the record is on the disk; after an error it is
// not in the log. With BestEffort, Record waits for no disk. What can't be written is
// complained of and waits in memory; what there is no room for is counted, and told of
// by a log-gap record.
//
// A process that is killed at any moment leaves a log that verifies and that the next
// one goes on with. A checkpoint covers only what is on the disk. No two checkpoints
// that are signed contradict each other: a log that was set back is refused. Nothing
// is cut off but the end of a write that was interrupted, and nothing is erased or
// deleted before the record of it is signed and on the disk. No checkpoint covers lines
// that were found unsigned without a log-gap record that names them.
//
// Records can be erased, by request or by age, and proofs of others still hold.
//
// # What it does not promise
//
// Who can use the key, which is every program of the same user, can forge what no
// checkpoint elsewhere covers. With BestEffort, a process that is killed loses
// what it had not written, without a count. The files must be on a local disk: flock
// keeps processes of one machine apart.
//
// # Concurrency
//
// A Log may be used by several goroutines, and a log by several processes. One
// goroutine writes what waits, as one write with one sync. Log.disk is held while the
// disk works, and taken before Log.queue, which never is. Anchors have a goroutine
// each, for which nobody waits but Close.
package writer
