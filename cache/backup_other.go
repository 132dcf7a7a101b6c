//go:build !darwin

package cache

// excludeFromBackup has nothing to do here: CACHEDIR.TAG is the convention.
func excludeFromBackup(string) {}
