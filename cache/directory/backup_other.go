//go:build !darwin

package directory

// excludeFromBackup does nothing: backup programs here go by CACHEDIR.TAG.
func excludeFromBackup(string) {}
