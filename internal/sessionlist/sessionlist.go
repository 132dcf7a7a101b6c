// Package sessionlist keeps the list of sessions that a mount shows: files
// that people, scripts and the webhook receiver write.
//
// # Form
//
// A file may hold, and mix line by line,
//
//   - plain ids, one a line, white space and # comments allowed;
//   - a table with commas, semicolons or tabs, as spreadsheets export it. The
//     column named like a session's id counts (session id, verification id,
//     id; case and punctuation are ignored), otherwise the first that holds
//     a UUID;
//   - webhook bodies as Veriff posts them, one on a line, pretty-printed, or
//     in an array. The session's id is taken and everything else dropped. An
//     array may also hold ids alone.
//
// The text is UTF-8, or UTF-16 with a byte order mark, as spreadsheets save
// "Unicode text"; what is edited stays in its encoding. The form is found out
// from the content, never from the name. A line that
// can't be used is reported by its number and a reason, never by its content,
// which may be personal data. A stream is read in the memory of its ids (16
// bytes each) and one line of at most 1 MiB.
//
// # Watching
//
// [Open] follows files: additions and removals show within a second on a
// local file system, and within a few on a network file system, where only
// looking helps. A file need not exist yet, may be replaced by renaming, may
// be truncated and written again, and may be a symbolic link.
//
// A file that is being written looks as if sessions were missing from it. So
// additions count at once, removals when the file has stayed the same for
// [Options.Settle]. A file that vanishes, can't be read or has no id in it
// though it has content (it is some other file, then) says nothing: its last
// good set stays. An empty file, or one of comments, says that there are no
// sessions.
//
// # Editing
//
// [File] adds and removes ids, safely against other processes that do the
// same, against crashes, and durably: what it reported done is on the disk.
// It can't protect against an editor that saves an older state over it.
package sessionlist
