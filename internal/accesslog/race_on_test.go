//go:build race

package accesslog

// thorough is how many of the exhaustive changes are tried: every n-th. The race
// detector makes them too slow to try all.
const thorough = 13
