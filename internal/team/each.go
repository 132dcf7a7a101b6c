package team

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// What goes through a whole bucket goes through it here.

// readers is how many objects of the bucket are looked at, or removed, at once.
const readers = 32

// ErrSilent says that a store hangs.
var ErrSilent = errors.New("the store does not answer any more")

// each calls f for all that a bucket lists, for many at once. It returns an error of the
// list and the first of f, which keeps f from nothing.
func each(ctx context.Context, b bucket.Bucket, prefix string, f func(bucket.Info) error) error {
	return together(func(work func(func() error)) error {
		for o, err := range b.List(ctx, prefix) {
			if err != nil {
				return err
			}
			work(func() error { return f(o) })
		}
		return nil
	})
}

// together does the work that f finds, much of it at once, all of it whatever fails. It
// returns f's error and the first of the work.
func together(f func(work func(func() error)) error) error {
	var all errgroup.Group
	all.SetLimit(readers)
	err := f(func(one func() error) { all.Go(func() error { return guard(one) }) })
	return errors.Join(err, all.Wait())
}

// examine reads what an object says of itself, and tells f, unless it was removed
// meanwhile. It is readable if a configured secret has sealed it for its place.
func (s *Store) examine(ctx context.Context, o bucket.Info, f func(e cache.Entry, readable bool) error) error {
	begins, err := s.o.Bucket.Head(ctx, o, cache.PeekSize)
	if err != nil {
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	}
	entry, err := s.o.Cache.Peek(o.Name, begins, o.Size)
	return f(entry, err == nil)
}

// patiently returns a context that ends with ErrSilent when step was not called for so
// long, and what ends that.
func patiently(ctx context.Context, still time.Duration) (_ context.Context, step, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(still, func() { cancel(ErrSilent) })
	return ctx, func() { timer.Reset(still) }, func() {
		timer.Stop()
		cancel(nil)
	}
}

// apart calls f and returns its error. When ctx ends, f is left behind if it does not end
// soon: a file system that hangs heeds no context.
func (s *Store) apart(ctx context.Context, f func(context.Context) error) error {
	ended := make(chan error, 1)
	if !s.spawn(func() { ended <- guard(func() error { return f(ctx) }) }) {
		return errEnded
	}
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(leaveAfter):
			return context.Cause(ctx)
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
