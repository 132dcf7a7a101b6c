package directory

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// excludeFromBackup makes Time Machine skip the directory, as `tmutil
// addexclusion` does: an extended attribute that holds the string
// "com.apple.backupd" as a binary property list. Best effort: sealed objects
// reveal nothing in a backup, they only waste room.
func excludeFromBackup(path string) {
	const value = "com.apple.backupd"
	plist := append([]byte("bplist00\x5f\x10"), byte(len(value)))
	plist = append(plist, value...)
	table := len(plist)
	plist = append(plist, 8)                        // offset table: the one object is at byte 8
	plist = append(plist, 0, 0, 0, 0, 0, 0, 1, 1)   // size of an offset, size of a reference
	plist = binary.BigEndian.AppendUint64(plist, 1) // objects
	plist = binary.BigEndian.AppendUint64(plist, 0) // the root
	plist = binary.BigEndian.AppendUint64(plist, uint64(table))
	_ = unix.Setxattr(path, "com.apple.metadata:com_apple_backup_excludeItem", plist, 0)
}
