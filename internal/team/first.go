package team

import (
	"context"
	"errors"
	"log/slog"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// Want is what First is asked for.
type Want struct {
	Key cache.Key
	// Accept may refuse an object by its label.
	Accept func(label []byte) error
	// API fetches the object from where it comes from.
	API func(context.Context) (*cache.Object, error)
	// Final reports whether an error of API is the last word: that there is no such
	// object. After any other the bucket may still have it.
	Final func(error) bool
	// Waited is closed once somebody waits for the object; nil: nobody will. Until then the
	// bucket may take its time.
	Waited <-chan struct{}
	// Lane does work once it is its turn to ask the bucket, unless ctx ends before.
	Lane func(ctx context.Context, work func() error) error
	// NoAPI says that API is not going to have it: no other member waits for us.
	NoAPI bool
}

// errLate says that the bucket took too long.
var errLate = errors.New("too slow")

// First returns an object, open, from the bucket or from the API, and whether it was
// the bucket. The API is asked when the bucket does not have the object, or keeps somebody
// waiting for more than [Options.Patience]; then whoever is first is taken. While another
// member fetches the object it is waited for: by who waits for it for at most two seconds.
// What came from the API is queued to be uploaded.
//
// Errors: those of w.API; the cause of ctx's end.
func (s *Store) First(ctx context.Context, w Want) (o *cache.Object, fromTeam bool, err error) {
	t, err := s.ask(ctx, w, true)
	if err == nil && t.taken() {
		t, err = s.follow(ctx, w)
	}
	switch {
	case err != nil:
		return nil, false, err
	case t != nil && !t.ended():
		return s.race(ctx, t, w)
	case t != nil && t.err == nil:
		return t.o, true, nil
	}
	i := t.item(w.Key)
	if o, err = s.fetch(ctx, w); err != nil {
		s.yield(i.lease)
		return nil, false, err
	}
	s.share(i, o.Label())
	return o, false, nil
}

// item is what is to be uploaded where a transfer has ended with an error, or was not
// begun (nil).
func (t *transfer) item(k cache.Key) item {
	i := item{key: k}
	if t != nil {
		i.replace, i.lease = errors.Is(t.err, cache.ErrRefused), t.lease
	}
	return i
}

// ask begins to read an object from the bucket when it is its turn, and returns when that
// has ended or is late; nil if the bucket is left alone, also when its turn is late. At the
// first look an object that is not there is claimed.
func (s *Store) ask(ctx context.Context, w Want, first bool) (t *transfer, err error) {
	soft := newStopwatch(s.patience())
	soft.ask()
	turn, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		for waited := w.Waited; ; {
			select {
			case <-waited:
				soft.wait()
				waited = nil
			case <-soft.late:
				leave()
				return
			case <-turn.Done():
				return
			}
		}
	}()
	err = w.Lane(turn, func() error {
		if soft.isLate() {
			return errLate
		}
		if t = s.begin(ctx, w, soft, first); t != nil {
			s.observe(t)
		}
		return nil
	})
	if err != nil && soft.isLate() && ctx.Err() == nil {
		s.counts.skipped.Add(1)
		return nil, nil
	}
	return t, err
}

// observe returns when a transfer has ended, or the API is to be asked as well: because it
// keeps somebody waiting, or because it was found out with others that the bucket fails. One
// that was given up or stopped may not end: a file system that hangs heeds no context.
func (s *Store) observe(t *transfer) {
	for {
		change, down := s.read.state()
		if down != nil && !t.doubted {
			return
		}
		select {
		case <-t.done:
			return
		case <-t.ctx.Done():
			return
		case <-t.soft.late:
			if !t.missing.Load() { // or it is only the lease that is late
				s.counts.late.Add(1)
				s.ahead.late(t.begun)
			}
			return
		case <-change:
		}
	}
}

// race asks the API for what the bucket is late with.
func (s *Store) race(ctx context.Context, t *transfer, w Want) (o *cache.Object, fromTeam bool, err error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	over := make(chan struct{})
	go func() {
		select {
		case <-t.done:
			if t.err == nil {
				stop()
			}
		case <-over:
		}
	}()
	o, err = s.fetch(asking, w)
	close(over)
	if err == nil {
		if !t.ended() && !t.missing.Load() && t.judged.CompareAndSwap(false, true) {
			s.read.failed(errLate)
		}
		s.shareAfter(t, w.Key, o.Label())
		return o, false, nil
	}
	if w.Final(err) {
		t.abandon(s.yield)
		return nil, false, err
	}
	if t.await(s.yield) {
		return t.o, true, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, false, err
}

// shareAfter ends a transfer that the API was faster than, and has the object uploaded if
// the bucket is known to lack it.
func (s *Store) shareAfter(t *transfer, k cache.Key, label []byte) {
	switch {
	case t.ended() && t.err != nil:
		s.share(t.item(k), label)
	case t.missing.Load():
		t.abandon(s.yield)
		s.share(item{key: k}, label)
	default:
		t.abandon(s.yield)
	}
}

// begin starts to read an object from the bucket; nil if the bucket is left alone.
func (s *Store) begin(ctx context.Context, w Want, c *stopwatch, first bool) *transfer {
	doubted := s.read.doubtful()
	if !s.read.allow() {
		s.counts.skipped.Add(1)
		return nil
	}
	t := newTransfer(ctx, c)
	t.pace, t.again, t.doubted = s.o.Pace, !first, doubted
	if doubted {
		t.soft.wait()
	}
	begun := false
	select {
	case s.slots <- struct{}{}:
		if begun = s.spawn(func() { s.transfer(t, w) }); !begun {
			<-s.slots
		}
	default: // so many hang
	}
	if !begun {
		t.stop()
		s.read.leave()
		s.counts.skipped.Add(1)
		return nil
	}
	return t
}

// transfer reads an object from the bucket.
func (s *Store) transfer(t *transfer, w Want) {
	defer func() {
		close(t.done)
		t.cancel(nil)
		<-s.slots
	}()
	t.err = guard(func() (err error) {
		t.o, err = s.get(t, w)
		t.missing.Store(errors.Is(err, bucket.ErrNotFound))
		if t.missing.Load() && !t.again && !w.NoAPI {
			t.lease, err = s.leases.claim(t.ctx, w.Key, err)
		}
		return err
	})
	s.settle(t, w.Key)
}

// get reads an object from where one of the secrets puts it.
func (s *Store) get(t *transfer, w Want) (o *cache.Object, err error) {
	for _, path := range s.o.Cache.SharedPaths(w.Key) {
		if o, err = s.getPath(t, w, path); !errors.Is(err, bucket.ErrNotFound) {
			return o, err
		}
	}
	return nil, err
}

func (s *Store) getPath(t *transfer, w Want, path string) (*cache.Object, error) {
	body, size, err := s.o.Bucket.Get(t.ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	o, err := s.o.Cache.Adopt(w.Key, path, size, t.reader(body, size), func(label []byte) error {
		if err := w.Accept(label); err != nil {
			return err
		}
		return t.publish()
	})
	if errors.Is(err, errAbandoned) {
		return nil, errAbandoned
	}
	if errors.Is(err, cache.ErrRefused) {
		s.log.Warn("an object in the team store is not what was asked for: fetching it from the API, and replacing it",
			slog.String("object", path), slog.Any("error", err))
	}
	if err == nil {
		s.counts.received.Add(size)
	}
	return o, err
}

// settle counts a transfer that has ended, and tells the breaker, unless that knows
// already.
func (s *Store) settle(t *transfer, k cache.Key) {
	t.stop()
	switch {
	case t.err == nil:
		s.counts.hits.Add(1)
	case errors.Is(t.err, bucket.ErrNotFound):
		if !t.again {
			s.counts.misses.Add(1)
		}
	case errors.Is(t.err, errTaken): // what becomes of it is counted later
		s.queue.hurry()
	case errors.Is(t.err, cache.ErrRefused):
		s.counts.refused.Add(1)
	case t.left():
	default:
		s.counts.failed.Add(1)
		s.log.Debug("the team store failed", "key", string(k), "error", t.err)
	}
	switch {
	case !t.judged.CompareAndSwap(false, true):
	case t.err == nil, errors.Is(t.err, bucket.ErrNotFound), errors.Is(t.err, errTaken), errors.Is(t.err, cache.ErrRefused):
		s.ahead.inTime()
		s.read.succeeded()
	case t.left():
		s.read.leave()
	default:
		s.read.failed(t.err)
	}
}
