// Package sheet makes contact sheets: one HTML page with the pictures, videos, chip
// data and decisions of sessions, and the hashes of their files.
//
// Promises: nothing is taken for what it claims to be. A picture is decoded and
// drawn anew, a video is recognised by its first bytes, all else is escaped text.
// The page runs no script and asks nobody for anything, by its own policy too.
// Memory is bounded: what is too large has its name, size and hash shown.
//
// Not promised: that a browser can play an embedded video.
//
// A [Sheet] is used by one goroutine at a time.
package sheet
