//go:build !linux

package fs

// dying is always true where a thread's pending signals can't be read, so that
// every interrupt ends the call.
func dying(uint32) bool { return true }
