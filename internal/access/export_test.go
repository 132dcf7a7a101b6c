package access

// Users returns how many users a budget remembers.
func Users(b *Budget) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.users)
}
