package fs

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"veriffs/internal/access"
	"veriffs/internal/library"
	"veriffs/veriff"
)

// errReadOnly refuses to open for writing.
var errReadOnly = errors.New("nothing can be written")

// errnoOf is the one place where an error becomes an errno. An error that it
// does not know is EIO. ENOENT stands only for the API's own word or a complete
// listing. A call that its caller did not cancel was cancelled by the end of
// the mount: that is ENOTCONN, which is what the kernel returns from then on.
func errnoOf(err error) syscall.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errKilled):
		return syscall.EINTR
	case errors.Is(err, errReadOnly):
		return syscall.EROFS
	case errors.Is(err, access.ErrNotAllowed):
		return syscall.EACCES
	case errors.Is(err, access.ErrSpent):
		return syscall.EDQUOT
	case errors.Is(err, context.Canceled):
		return syscall.ENOTCONN
	case errors.Is(err, library.ErrNotFound):
		return syscall.ENOENT
	case errors.Is(err, veriff.ErrRefused):
		return syscall.EACCES
	case errors.Is(err, context.DeadlineExceeded):
		return syscall.ETIMEDOUT
	default:
		return syscall.EIO
	}
}

// refused reports whether an errno says that a rule forbids it.
func refused(errno syscall.Errno) bool {
	return errno == syscall.EACCES || errno == syscall.EROFS || errno == syscall.EDQUOT
}

// fail logs an error in full, once, and returns its errno. It is routine, and
// logged at debug level, that the API lacks something, that a caller is killed
// and that the mount ends. That the API asks for fewer requests is said once for
// all by those who keep to it, and that somebody's budget is spent, by the gate.
func (t *tree) fail(err error, op string, what ...slog.Attr) syscall.Errno {
	errno := errnoOf(err)
	level := slog.LevelWarn
	switch {
	case errno == syscall.ENOENT, errno == syscall.EINTR, errno == syscall.ENOTCONN, errno == syscall.EROFS, errno == syscall.EDQUOT, errors.Is(err, veriff.ErrRateLimited):
		level = slog.LevelDebug
	}
	t.log.LogAttrs(context.Background(), level, op+" failed",
		append(what, slog.Any("error", err), slog.String("errno", errno.Error()))...)
	return errno
}
