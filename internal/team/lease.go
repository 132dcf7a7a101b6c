package team

import (
	"bytes"
	"context"
	"errors"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

// When many members want the same objects at the same moment, each finds that the bucket
// has not got them. So who is to fetch one from the API puts a lease first: an empty
// object, of which there can be one. The others look for the object for a while, and fetch
// it themselves if it does not come. Nobody waits for a member that is gone for longer:
// the name of a lease is good for a few seconds by the clocks of the members, which need
// not agree. Where they don't, an object is fetched more than once.

const (
	// leaseDir is where the leases are.
	leaseDir = "leases/"
	// leaseTime is for how long the name of a lease is the same.
	leaseTime = 10 * time.Second
	// leasePatience is for how long somebody waits for an object that another member
	// fetches. What nobody waits for may take as long as a lease is good for.
	leasePatience = 2 * time.Second
	// The pauses in which it is looked for.
	leaseFirst   = 50 * time.Millisecond
	leaseLongest = 400 * time.Millisecond
	// leaseRest is for how long no leases are put where that is denied, or where those of
	// others bring nothing again and again: they must not delay every open.
	leaseRest = 30 * time.Second
	// leaseRemoval is how long the removal of a lease may take.
	leaseRemoval = 10 * time.Second
)

// leases are those of this member, and whether they are of use.
type leases struct {
	bucket  bucket.Bucket
	cache   *cache.Cache    // for names
	life    context.Context // after its end none is removed
	ours    sync.Map        // names
	resting atomic.Int64    // until when none are put, nanoseconds since 1970
	vain    atomic.Int32    // waits in vain for those of others, in a row
}

// errTaken says that another member fetches an object.
var errTaken = errors.New("another member fetches it")

// claim puts the lease of an object, and returns its name. missing is the error that
// there is no such object; it is errTaken if another member has the lease. Where leases
// are no use objects are fetched without.
func (l *leases) claim(ctx context.Context, k cache.Key, missing error) (lease string, err error) {
	if time.Now().UnixNano() < l.resting.Load() {
		return "", missing
	}
	name := l.name(k, time.Now())
	switch err := l.bucket.Put(ctx, name, bytes.NewReader(nil)); {
	case err == nil:
		l.ours.Store(name, true)
		return name, missing
	case errors.Is(err, bucket.ErrExists):
		if _, ours := l.ours.Load(name); ours { // it is still to be uploaded
			return "", missing
		}
		return "", errTaken
	case errors.Is(err, bucket.ErrDenied):
		l.rest() // a member that may only read
	}
	return "", missing
}

func (l *leases) rest() { l.resting.Store(time.Now().Add(leaseRest).UnixNano()) }

// waited counts waits for other members that were in vain, one after the other.
func (l *leases) waited(inVain bool) {
	if !inVain {
		l.vain.Store(0)
	} else if l.vain.Add(1) >= failures {
		l.rest()
	}
}

// name is a keyed hash of the object and the time: leases tell no more than the
// objects do, not even which are of the same one.
func (l *leases) name(k cache.Key, now time.Time) string {
	window := strconv.FormatInt(now.UnixNano()/int64(leaseTime), 10)
	return leaseDir + path.Base(l.cache.SharedPaths("lease/" + cache.Key(window) + "/" + k)[0])
}

// isLease reports whether an object of the bucket is a lease.
func isLease(o bucket.Info) bool { return strings.HasPrefix(o.Name, leaseDir) && o.Size == 0 }

// isObject reports whether an object of the bucket is a shared object of a cache.
func isObject(o bucket.Info) bool { return !isLease(o) && !isNote(o) }

// follow waits for an object that another member fetches. It returns the last look at it,
// nil if the bucket is left alone.
func (s *Store) follow(ctx context.Context, w Want) (t *transfer, err error) {
	s.counts.waits.Add(1)
	end, waited := time.Now().Add(leaseTime), w.Waited
	for pause := leaseFirst; ; pause = min(2*pause, leaseLongest) {
		select {
		case <-waited:
			end, waited, pause = time.Now().Add(leasePatience), nil, leaseFirst/2
			continue
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		t, err = s.ask(ctx, w, false)
		if err != nil || t == nil || !t.ended() {
			return t, err
		}
		missing := errors.Is(t.err, bucket.ErrNotFound)
		if missing && time.Now().Before(end) {
			continue
		}
		if missing {
			s.counts.misses.Add(1)
		}
		s.leases.waited(missing)
		return t, nil
	}
}

// yield removes a lease in the background: nothing comes of it.
func (s *Store) yield(lease string) {
	if lease != "" {
		s.spawn(func() { s.leases.drop(lease) })
	}
}

// drop removes a lease. One that stays does no harm.
func (l *leases) drop(lease string) {
	if lease == "" {
		return
	}
	l.ours.Delete(lease)
	if l.life.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.life, leaseRemoval)
	defer cancel()
	_ = l.bucket.Drop(ctx, lease)
}
