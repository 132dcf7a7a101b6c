package caller

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// whichProc fails if /proc can't be used; it does not change.
var whichProc = sync.OnceValue(ownProc)

// Groups returns the supplementary groups of a thread that waits for an answer. uid and
// gid are those that the kernel gave for its call. It fails if there is no thread (0),
// if /proc does not tell, and if the thread acts for somebody else: a thread of the
// kernel that serves NFS or an io_uring has the ids of whom it serves, and groups of its
// own. They are read anew each time, since a process can change them at any other.
func Groups(id, uid, gid uint32) ([]uint32, error) {
	if id == 0 {
		return nil, errors.New("the caller is outside of this pid namespace")
	}
	if err := whichProc(); err != nil {
		return nil, err
	}
	status, err := readStatus(id)
	if err != nil {
		return nil, fmt.Errorf("the status of thread %d: %w", id, err)
	}
	return parseGroups(status, uid, gid)
}

// readStatus does with fewer system calls what os.ReadFile does.
func readStatus(id uint32) ([]byte, error) {
	fd := openAt(unix.AT_FDCWD, "/proc/"+strconv.FormatUint(uint64(id), 10)+"/status")
	if fd < 0 {
		return nil, errNone
	}
	defer unix.Close(fd)
	for size := 4 << 10; ; size *= 4 {
		status := make([]byte, size)
		n, err := unix.Pread(fd, status, 0)
		if err != nil {
			return nil, err
		}
		if n < size { // so this is all of it
			return status[:n], nil
		}
	}
}

// parseGroups reads the format of proc_pid_status(5). The file system's ids are the
// last of four.
func parseGroups(status []byte, uid, gid uint32) ([]uint32, error) {
	const fileSystem = 3
	for _, of := range []struct {
		name string
		want uint32
	}{{"Uid", uid}, {"Gid", gid}} {
		ids, err := numbers(field(status, of.name))
		if err != nil || len(ids) != fileSystem+1 || ids[fileSystem] != of.want {
			return nil, errors.New("the thread acts for somebody else")
		}
	}
	return numbers(field(status, "Groups"))
}

func numbers(list string) (all []uint32, err error) {
	for text := range strings.FieldsSeq(list) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, err
		}
		all = append(all, uint32(n))
	}
	return all, nil
}
