package fs

import (
	"fmt"
	"slices"
)

// Unmount takes away a veriffs that another process mounted. A mount that is
// in use is detached: it leaves the tree at once and ends with its last open
// file. Anything that is not a veriffs is left alone.
func Unmount(point string) error {
	if !slices.Contains(Mounted(), resolve(point)) {
		return &MountError{Mountpoint: point, Reason: "no veriffs is mounted there", Hint: "see what is: mount | grep veriffs"}
	}
	if release(point) == nil {
		return nil
	}
	if err := detach(point); err != nil {
		return fmt.Errorf("fs: unmount %s: %w", point, err)
	}
	return nil
}
