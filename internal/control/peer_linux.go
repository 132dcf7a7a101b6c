package control

import "golang.org/x/sys/unix"

// credentials asks the kernel for the process at the other end of a socket.
func credentials(fd int) (*peer, error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, err
	}
	return &peer{uid: int(c.Uid), gid: int(c.Gid), pid: int(c.Pid)}, nil
}
