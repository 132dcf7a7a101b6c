package mountpoint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// connect mounts and serves a tree. It does not leave the mounting to go-fuse for
// two reasons. go-fuse opens a file of the new mount before it returns: a
// process that is killed at that moment waits for itself for ever, and the
// mount can't be removed. And it lets child processes inherit /dev/fuse: a child
// that outlives us would keep the mount there with nobody to serve it.
func connect(point string, tree fuse.RawFileSystem, o *fuse.MountOptions) (*fuse.Server, error) {
	open := openByFusermount
	if mayMount() {
		open = openDirectly
	}
	fd, err := open(point, o)
	if err != nil {
		return nil, err
	}
	server, err := serve(fmt.Sprintf("/dev/fd/%d", fd), tree, o)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd), detach(point))
	}
	return server, nil
}

// mayMount reports whether this process can mount and unmount by itself: it is root, or has
// been given the capability for that, as in a container.
func mayMount() bool {
	if os.Geteuid() == 0 {
		return true
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // of 32 capabilities each
	err := unix.Capget(&header, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// openDirectly mounts without help, and returns the connection to the kernel.
func openDirectly(point string, o *fuse.MountOptions) (fd int, err error) {
	fd, err = unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("/dev/fuse: %w", err)
	}
	flags := uintptr(0)
	data := []string{
		fmt.Sprintf("fd=%d", fd), fmt.Sprintf("rootmode=%o", unix.S_IFDIR),
		fmt.Sprintf("user_id=%d", os.Geteuid()), fmt.Sprintf("group_id=%d", os.Getegid()),
		fmt.Sprintf("max_read=%d", o.MaxWrite),
	}
	for _, option := range o.Options {
		switch option {
		case "ro":
			flags |= unix.MS_RDONLY
		case "nosuid":
			flags |= unix.MS_NOSUID
		case "nodev":
			flags |= unix.MS_NODEV
		case "noexec":
			flags |= unix.MS_NOEXEC
		default:
			data = append(data, option)
		}
	}
	if o.AllowOther {
		data = append(data, "allow_other")
	}
	if err := unix.Mount(o.FsName, point, tableType, flags, strings.Join(data, ",")); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

var errNoConnection = errors.New("fusermount3 sent no connection")

// openByFusermount mounts as an ordinary user, through fusermount3, which is
// setuid root. It sends the connection over a socket: see _FUSE_COMMFD in
// libfuse.
func openByFusermount(point string, o *fuse.MountOptions) (fd int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()

	options := append([]string{"fsname=" + o.FsName, "subtype=" + o.Name, fmt.Sprintf("max_read=%d", o.MaxWrite)}, o.Options...)
	if o.AllowOther {
		options = append(options, "allow_other")
	}
	tool, err := Helper()
	if err != nil {
		return -1, err
	}
	var complaint bytes.Buffer
	helper := exec.Command(tool, "-o", strings.Join(options, ","), "--", point)
	helper.Env = append(os.Environ(), "_FUSE_COMMFD=3")
	helper.ExtraFiles = []*os.File{theirs} // descriptor 3
	helper.Stderr = &complaint
	if err := helper.Run(); err != nil {
		return -1, fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}

	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(pair[0], make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("receive the connection from fusermount3: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, errNoConnection
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errNoConnection
	}
	return fds[0], nil
}
