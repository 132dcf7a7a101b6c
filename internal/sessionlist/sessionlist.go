// Package sessionlist keeps the list of sessions that a mount shows, in files
// that people, scripts and the webhook receiver write.
//
// # Form
//
// A file may hold, and mix line by line,
//
//   - plain ids, one a line; white space and # comments are ignored;
//   - a table with commas, semicolons or tabs, as spreadsheets export it and
//     encoding/csv reads it. Its ids are in the column named like a session's
//     id (session id, verification id, id; case and punctuation are ignored),
//     otherwise in the first column that holds a UUID;
//   - webhook bodies as Veriff posts them: one on a line, pretty-printed, or
//     in an array. The session's id is taken and the rest dropped. An array
//     may also hold bare ids.
//
// The text is UTF-8, or UTF-16 with a byte order mark, as spreadsheets save
// "Unicode text"; edits keep the encoding. The content decides on the form, the
// name never does. A line that can't be used is reported by its number and a
// reason, never by its content, which may be personal data. Reading a stream
// takes the memory of its ids (16 bytes each), one line and one JSON value, of
// at most 1 MiB each.
//
// # Watching
//
// [Open] follows files: additions and removals show within a second on a
// local file system, and within a few on a network file system, which has to be
// polled. A file need not exist yet, may be replaced by renaming, may be
// truncated and rewritten, and may be a symbolic link.
//
// While a file is being written, sessions seem to be missing from it. So
// additions count at once, and removals once the file has stayed the same for
// 400 ms. A file that vanishes, can't be read, or has content but no id (and so
// is probably some other file) changes nothing: its last good set stays. An
// empty file, or one of comments, means that there are no sessions.
//
// # Editing
//
// [File] adds and removes ids, safe against other processes that do the same
// and against crashes. Once it reports success, the change is on the disk.
// Removing leaves every other byte as it was.
//
// # What it does not promise
//
// It can't protect against an editor that saves an older state over a newer
// one. A damaged value inside a JSON array ends the array: reading resumes on
// the next line. Nothing is added to, or removed from, the inside of a JSON
// document.
//
// # Concurrency
//
// A [Source] and a [File] may be used by any number of goroutines. A Source is
// one goroutine that owns all its state; others see a snapshot, published
// atomically. A stream has a goroutine of its own that Close does not wait for.
// A File holds one token (a channel) and then a flock on the file while it
// works; waits for either end with the caller's context.
package sessionlist
