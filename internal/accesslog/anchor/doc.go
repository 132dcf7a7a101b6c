// Package anchor keeps the access log's checkpoints outside of it, where those whom the
// log is about can't change them: in the system's log, a file elsewhere, a command's
// care, and in the installation's own directory.
//
// # What it promises
//
// Nobody waits for an anchor but Stop, and that for seconds. An anchor that fails is
// complained of once, tried again each minute, and gets the newest checkpoint. Notes
// reads all that anchors write.
//
// # What it does not promise
//
// Not every checkpoint is sent: a newer one covers what older ones do. Whether a place
// is out of reach is for those who choose it. What is found there is not verified.
//
// # Concurrency
//
// A Publisher may be used by several goroutines, and has one for each anchor between
// Start and Stop.
package anchor
