package control

import "golang.org/x/sys/unix"

// credentials asks the kernel whose process is at the other end of a socket.
func credentials(fd int) (uid int, err error) {
	c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(c.Uid), nil
}
