package library

// Erasing reports whether an erasure is at work.
func (l *Library) Erasing() bool { return l.fence.Load() != nil }
