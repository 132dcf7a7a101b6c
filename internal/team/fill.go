package team

import (
	"context"
	"errors"
	"fmt"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// ErrDown says that a bucket is left alone because it failed again and again.
var ErrDown = errors.New("team: the store is left alone for a while")

// Has reports whether the bucket of a store has an object under a name of this key. What
// it is shows when it is read.
//
// Errors: ErrDown; ErrSilent; those of the bucket.
func Has(ctx context.Context, s *Store, k cache.Key) (bool, error) {
	if !s.read.allow() {
		return false, down(s.read.why())
	}
	for _, path := range s.o.Cache.SharedPaths(k) {
		err := s.briefly(ctx, func(ctx context.Context) error {
			_, err := s.o.Bucket.Stat(ctx, path)
			return err
		})
		switch {
		case err == nil:
			s.read.succeeded()
			return true, nil
		case errors.Is(err, bucket.ErrNotFound):
		case ctx.Err() != nil:
			s.read.leave()
			return false, context.Cause(ctx)
		default:
			s.read.failed(err)
			return false, err
		}
	}
	s.read.succeeded()
	return false, nil
}

// down is the error of a bucket that is left alone; why is nil if it no longer is.
func down(why error) error {
	if why == nil {
		return ErrDown
	}
	return fmt.Errorf("%w: %w", ErrDown, why)
}

// Fill makes sure that the bucket of a store has an object of the cache. One that is on
// its way already is waited for, and none is uploaded twice.
//
// Errors: ErrDown; why it could not be uploaded, or is none to be shared; the cause of
// ctx's end.
func Fill(ctx context.Context, s *Store, k cache.Key) error {
	if done, ok := s.queue.pending.Load(k); ok {
		select {
		case <-done.(chan struct{}):
		case <-s.life.Done():
			return errEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if o, ok := s.o.Cache.Get(k); ok {
		shareable := s.o.Shareable(o.Label())
		o.Close()
		if !shareable {
			s.counts.unshared.Add(1)
			return errNotShared
		}
	}
	if there, err := Has(ctx, s, k); there || err != nil {
		return err
	}
	if !s.write.allow() {
		return down(s.write.why())
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.life, func() { stop(errEnded) })()
	err := s.apart(ctx, func(ctx context.Context) error { return s.put(ctx, item{key: k}) })
	s.learn(ctx, err)
	s.count(ctx, k, err)
	if errors.Is(err, bucket.ErrExists) {
		err = nil
	}
	return err
}
