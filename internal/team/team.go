// Package team shares sealed files among the mounts of a team through a bucket, so that
// each is fetched from the API once.
//
// Promises. What comes out of the bucket is authenticated before anybody sees it, see
// [cache.Cache.Adopt]; whoever runs the bucket learns sizes and times, no more. A bucket
// that is slow, down or full of rubbish makes nothing fail: what it keeps somebody waiting
// for is asked of the API at the same time, and after a few failures in a row it is left
// alone for a while. What nobody waits for may take longer. Uploading keeps nobody waiting.
//
// Not promised: that a file is in the bucket. Uploads that find the queue full, or the
// bucket out of reach for too long, are given up and counted.
//
// Concurrency. A [Store] may be used by any number of goroutines. Its breakers and its
// queue have a lock each, held only to look at or change them.
package team

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

const (
	// DefaultPatience is for how long an open waits for the bucket alone.
	DefaultPatience = 100 * time.Millisecond
	// giveUp is how long the bucket may keep us waiting when nobody else has the file.
	giveUp = 15 * time.Second
	// gets bounds the objects that are being read. A file system that hangs ends none.
	gets = 64
	// flushFor is how long Close goes on uploading.
	flushFor = 30 * time.Second
	// leaveAfter is how long Close waits for what does not end when it is told to.
	leaveAfter = 2 * time.Second
)

// Options is what a store is made of. Bucket and Cache are used, not owned.
type Options struct {
	Bucket bucket.Bucket
	Cache  *cache.Cache
	// Patience is how long the bucket may keep somebody waiting for the begin of an answer,
	// or its going on, until the API is asked as well; 0 is DefaultPatience. While the API
	// itself takes longer, it is as long as that, up to a second.
	Patience time.Duration
	// Pace, if not nil, is called with the number of bytes of each piece of an object
	// that was received, and may wait before more is read. The bucket is not blamed for
	// that wait.
	Pace func(ctx context.Context, bytes int) error
	// Pad hides the sizes of files, for at most 12 % more bytes.
	Pad bool
	// Shareable reports by its label whether an object may be uploaded.
	Shareable func(label []byte) bool
	Logger    *slog.Logger
}

// Store is what a team shares.
type Store struct {
	o     Options
	log   *slog.Logger
	read  *breaker
	write *breaker
	ahead *ahead
	api   answers
	slots chan struct{} // one is taken by each object that is being read
	queue *queue
	// uploads has one taken by each upload; an erasure takes them all to wait for them.
	uploads chan struct{}
	doomed  atomic.Pointer[doomed] // what the last erasure takes

	life   context.Context // ends when Close gives up
	cancel context.CancelFunc
	work   sync.WaitGroup
	flush  sync.WaitGroup // the part of work that is uploads

	counts counters

	leases *leases

	mu     sync.Mutex
	closed bool
}

// New returns a store over a bucket that was found to be there.
func New(o Options) *Store {
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{o: o, log: o.Logger, slots: make(chan struct{}, gets), queue: newQueue(), uploads: make(chan struct{}, uploaders)}
	s.doomed.Store(new(doomed))
	s.ahead = newAhead()
	s.life, s.cancel = context.WithCancel(context.Background())
	s.leases = &leases{bucket: o.Bucket, cache: o.Cache, life: s.life}
	s.read = newBreaker(func(err error) {
		s.log.Warn("the team store does not answer as it should: files come from the API", "store", o.Bucket.String(), "error", err)
	}, func() { s.log.Info("the team store answers again", "store", o.Bucket.String()) })
	s.write = newBreaker(func(err error) {
		s.log.Warn("nothing can be added to the team store", "store", o.Bucket.String(), "error", err)
	}, func() { s.log.Info("files are added to the team store again", "store", o.Bucket.String()) })
	for range uploaders {
		s.flush.Add(1)
		s.spawn(func() {
			defer s.flush.Done()
			s.upload()
		})
	}
	return s
}

// String names the bucket for people.
func (s *Store) String() string { return s.o.Bucket.String() }

// Ahead is how many objects to ask for at most before somebody waits for them.
func (s *Store) Ahead() int { return s.ahead.limit() }

// Close uploads what is queued, for at most half a minute, and ends all else. The cache
// must still be open.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	before := s.counts.dropped.Load()
	s.queue.close()
	if s.flushed() {
		within(leaveAfter, &s.work) // leases are given back
	}
	s.cancel()
	if !within(leaveAfter, &s.work) {
		s.log.Warn("the team store does not let go: leaving it as it is", "store", s.o.Bucket.String())
	}
	lost := s.queue.clear()
	s.counts.queued.Add(-lost)
	s.counts.dropped.Add(lost)
	if lost := s.counts.dropped.Load() - before; lost > 0 {
		s.log.Warn("files were not added to the team store, because the mount has ended", "files", lost)
	}
}

// flushed uploads what is queued, until half a minute is over or the bucket is out of
// reach, and reports whether nothing is left.
func (s *Store) flushed() bool {
	ended, limit := end(&s.flush), time.After(flushFor)
	for {
		change, down := s.write.state()
		if down != nil {
			limit = time.After(0)
		}
		select {
		case <-ended:
			return true
		case <-limit:
			return false
		case <-change:
		}
	}
}

// within waits for work for at most so long, and reports whether it has ended.
func within(limit time.Duration, work *sync.WaitGroup) bool {
	select {
	case <-end(work):
		return true
	case <-time.After(limit):
		return false
	}
}

// end is closed at the end of work.
func end(work *sync.WaitGroup) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		work.Wait()
		close(ended)
	}()
	return ended
}

// spawn runs f in the background, where Close waits for it, and reports false after Close.
func (s *Store) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(func() {
		if err := guard(func() error { f(); return nil }); err != nil {
			s.log.Error("a panic was contained", "error", err)
		}
	})
	return true
}

// guard makes a panic in f an error: it must not end the mount.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("team: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
