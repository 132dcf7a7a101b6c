package team

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"veriffs/internal/bucket"
)

// Clock returns what time it is by the clock of a store's bucket, and by now when that was
// between two looks at it: as near to the bucket's as may be. It puts a lease, which is
// nobody's, and removes it.
func Clock(ctx context.Context, s *Store, now func() time.Time) (theirs, ours time.Time, err error) {
	name := leaseDir + strings.ToLower(rand.Text())
	err = s.briefly(ctx, func(ctx context.Context) error {
		before := now()
		if err := s.o.Bucket.Put(ctx, name, bytes.NewReader(nil)); err != nil {
			return err
		}
		var o bucket.Info
		o, err := s.o.Bucket.Stat(ctx, name)
		_, left := s.o.Bucket.Remove(ctx, name)
		theirs, ours = o.Modified, o.Modified
		switch after := now(); {
		case theirs.Before(before):
			ours = before
		case theirs.After(after):
			ours = after
		}
		return errors.Join(err, left)
	})
	return theirs, ours, err
}
