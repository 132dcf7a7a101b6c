package team

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

const (
	// uploadTries is how often an object is tried. Each time, a bucket that is left
	// alone is waited for.
	uploadTries = 3
	// An upload may take uploadTime, and a second for each uploadRate bytes.
	uploadTime = time.Minute
	uploadRate = 256 << 10
)

// share queues an object of the cache to be uploaded, if its label allows that, unless the
// queue is full.
func (s *Store) share(i item, label []byte) {
	if !s.o.Shareable(label) {
		s.counts.unshared.Add(1)
		s.yield(i.lease)
		return
	}
	s.counts.queued.Add(1)
	i.done = make(chan struct{})
	s.queue.pending.Store(i.key, i.done)
	if !s.queue.add(i) {
		s.queue.forget(i)
		s.counts.queued.Add(-1)
		s.counts.dropped.Add(1)
		s.yield(i.lease)
	}
}

// upload works the queue off.
func (s *Store) upload() {
	for i, ok := s.queue.take(); ok; i, ok = s.queue.take() {
		s.deliver(i)
		s.queue.settled(i)
		s.leases.drop(i.lease)
		s.counts.queued.Add(-1)
	}
}

// deliver uploads an object.
func (s *Store) deliver(i item) {
	err := errEnded
	for try := 0; try < uploadTries && s.write.wait(s.life); try++ {
		if err = guard(func() error { return s.put(s.life, i) }); s.learn(s.life, err) {
			break
		}
	}
	s.count(s.life, i.key, err)
}

// count counts an upload by how it ended; ctx is that of who wanted it.
func (s *Store) count(ctx context.Context, k cache.Key, err error) {
	switch {
	case err == nil:
		s.counts.shared.Add(1)
	case errors.Is(err, bucket.ErrExists):
		s.queue.hurry()
		s.counts.existed.Add(1)
	case errors.Is(err, errNotShared):
		s.counts.unshared.Add(1)
	case ctx.Err() != nil:
		s.counts.dropped.Add(1)
	default:
		s.counts.unsent.Add(1)
		s.log.Debug("a file was not added to the team store", slog.String("key", string(k)), slog.Any("error", err))
	}
}

// learn tells the breaker of an upload, and reports whether there is no use in another.
func (s *Store) learn(ctx context.Context, err error) (final bool) {
	switch {
	case err == nil, errors.Is(err, bucket.ErrExists):
		s.write.succeeded()
	case errors.Is(err, errNotShared), ctx.Err() != nil:
		s.write.leave()
	default:
		s.write.failed(err)
		return false
	}
	return true
}

var (
	// errNotShared says that the cache has an object no more, or that it is none to be
	// shared, or is being erased.
	errNotShared = errors.New("not to be shared")
	errEnded     = errors.New("the mount has ended")
)

// put uploads an object.
func (s *Store) put(ctx context.Context, i item) error {
	select {
	case s.uploads <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.uploads }()
	sealed, ok := s.o.Cache.Export(i.key, s.o.Pad)
	if !ok {
		return errNotShared
	}
	defer sealed.Close()
	if s.doomed.Load().takes(i.key, sealed.Label, time.Now()) {
		return errNotShared
	}
	body := sealed.Body
	ctx, cancel := context.WithTimeout(ctx, uploadTime+time.Duration(body.Size()/uploadRate)*time.Second)
	defer cancel()
	put := s.o.Bucket.Put
	if i.replace {
		put = s.o.Bucket.Replace
	}
	if err := put(ctx, sealed.Path, body); err != nil {
		return err
	}
	s.counts.sent.Add(body.Size())
	return nil
}
