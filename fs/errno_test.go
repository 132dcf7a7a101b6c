package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"veriffs/internal/access"
	"veriffs/internal/library"
	"veriffs/veriff"
)

func TestErrnoOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{errKilled, syscall.EINTR},
		{errReadOnly, syscall.EROFS},
		{access.ErrNotAllowed, syscall.EACCES},
		{access.ErrSpent, syscall.EDQUOT},
		{context.Canceled, syscall.ENOTCONN},
		{context.DeadlineExceeded, syscall.ETIMEDOUT},
		{library.ErrNotFound, syscall.ENOENT},
		{library.ErrOffline, syscall.EIO},
		{veriff.ErrRefused, syscall.EACCES},
		{veriff.ErrUnreachable, syscall.EIO},
		{veriff.ErrSignature, syscall.EIO},
		{veriff.ErrBody, syscall.EIO},
		{veriff.ErrServer, syscall.EIO},
		{veriff.ErrRateLimited, syscall.EIO},
		{&veriff.APIError{Status: 404}, syscall.EIO}, // not authentic, or it would be ErrNotFound
		{io.ErrUnexpectedEOF, syscall.EIO},
		{syscall.ENOSYS, syscall.EIO},
		{errors.New("anything"), syscall.EIO},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			if c.err == nil {
				err = nil
			}
			if got := errnoOf(err); got != c.want {
				t.Errorf("errnoOf(%v) = %v, want %v", err, got, c.want)
			}
		}
	}
}
