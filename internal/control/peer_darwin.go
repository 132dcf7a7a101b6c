package control

import "golang.org/x/sys/unix"

// credentials asks the kernel for the process at the other end of a socket.
func credentials(fd int) (*peer, error) {
	c, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil, err
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return nil, err
	}
	return &peer{uid: int(c.Uid), gid: int(c.Groups[0]), pid: pid}, nil
}
