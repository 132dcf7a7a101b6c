// Package installation holds the key with which this installation of veriffs
// signs: checkpoints of the access log as signed notes, receipts and manifests as
// SSH signatures, which ssh-keygen -Y verify checks.
//
// # What it promises
//
// The key is Ed25519, made on first use, in a file that only its owner may read.
// A file that others could have read or replaced is refused. Processes that start
// at the same time agree on one key. The file is an OpenSSH private key without a
// passphrase, so that ssh-keygen can use it too.
//
// # What it does not promise
//
// Every program of the same user can read the key and sign with it. A signature
// says which installation signed, not when, and not that the program did it.
//
// # Concurrency
//
// A Key does not change and may be used by several goroutines.
package installation
