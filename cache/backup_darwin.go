package cache

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// excludeFromBackup marks the directory as one that Time Machine skips, as
// `tmutil addexclusion` does: an extended attribute that holds the string
// "com.apple.backupd" as a binary property list. Best effort: the sealed
// objects are no secret in a backup, only a waste.
func excludeFromBackup(path string) {
	const value = "com.apple.backupd"
	plist := append([]byte("bplist00\x5f\x10"), byte(len(value)))
	plist = append(plist, value...)
	table := len(plist)
	plist = append(plist, 8)                        // offset table: the one object is at byte 8
	plist = append(plist, 0, 0, 0, 0, 0, 0, 1, 1)   // size of an offset, size of a reference
	plist = binary.BigEndian.AppendUint64(plist, 1) // objects
	plist = binary.BigEndian.AppendUint64(plist, 0) // the top one
	plist = binary.BigEndian.AppendUint64(plist, uint64(table))
	_ = unix.Setxattr(path, "com.apple.metadata:com_apple_backup_excludeItem", plist, 0)
}
