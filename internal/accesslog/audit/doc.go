// Package audit reads access logs: it shows their records, verifies them, and proves
// some of them to somebody who has nothing else of the log.
//
// # What it promises
//
// Verify finds every change of what a checkpoint covers, and says which record; it
// tells damage of the tree from damage of the records. It also tells when a mount was
// up and gave no sign of itself. A proof holds by the verifier key alone, and says
// nothing of other records. Nothing is written, and a log may be read while it is
// written: what is looked at is its state of one moment.
//
// # What it does not promise
//
// Who can use the installation's key can forge what no checkpoint elsewhere covers.
// Verify reports records after the last checkpoint, and can't tell whether they are
// true. Read does not verify, and passes over lines that are no records.
//
// # Concurrency
//
// Each call stands alone. A snapshot is taken with the log's lock held, for as long as
// opening the files takes.
package audit
