package library

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/answers"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/veriff"
)

const (
	// warmSpare is how many more files are worked on than there are
	// connections, so that none is idle while an object is being stored.
	warmSpare = 4
	// warmQueue bounds how far, in files, the listing runs ahead of the
	// fetching: far enough to know early how much there is to do.
	warmQueue = 1 << 14
	// warmInterval is how often the progress of a warming is told.
	warmInterval = 200 * time.Millisecond
	// warmFailures bounds the failures that are kept by name.
	warmFailures = 1000
)

// WarmOptions says what to fetch ahead.
type WarmOptions struct {
	Sessions []veriff.SessionID // neither these nor names: every session that is known
	Names    []string           // of sessions, attempts and files, see listing.ParseName
	Contexts []string           // shell patterns, one of which a file's context must match; none: all files
	NoVideo  bool
}

// Check refuses patterns that mean nothing.
func (o *WarmOptions) Check() error {
	for _, pattern := range o.Contexts {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("library: %q is not a pattern", pattern)
		}
	}
	return nil
}

func (o *WarmOptions) wants(f *File) bool {
	if o.NoVideo && f.IsVideo() {
		return false
	}
	for _, pattern := range o.Contexts {
		if ok, _ := path.Match(pattern, f.Context.Value()); ok {
			return true
		}
	}
	return len(o.Contexts) == 0
}

// Warmed is how far a warming has come.
type Warmed struct {
	Sessions     int   `json:"sessions"` // to be listed
	Listed       int   `json:"listed"`   // of them, done, failed ones included
	Files        int   `json:"files"`    // wanted, of the sessions listed so far
	Bytes        int64 `json:"bytes"`    // of them, as far as the lists say
	Cached       int   `json:"cached"`   // were there already
	CachedBytes  int64 `json:"cached_bytes"`
	Fetched      int   `json:"fetched"`
	FetchedBytes int64 `json:"fetched_bytes"`
	Failed       int   `json:"failed"` // files and sessions

	// HeldUntil is until when the warming waits, because the API asked for
	// fewer requests: zero if it does not.
	HeldUntil time.Time `json:"held_until,omitzero"`

	Room     int64         `json:"room"` // bytes that the cache may take on disk
	Failures []WarmFailure `json:"failures,omitempty"`
}

// WarmFailure is what could not be fetched, and why.
type WarmFailure struct {
	Session string `json:"session"`        // or the name that could not be resolved
	File    string `json:"file,omitempty"` // its name; empty if the session could not be listed
	Error   string `json:"error"`
}

// Warm fetches the files of sessions that are not in the cache yet. A failure
// of one ends nothing, it is listed; credentials that are refused or an API
// out of reach end it all. While the API asks for fewer requests it waits. What
// was fetched stays: warming again goes on from there. progress is told now
// and then, without the failures.
func (l *Library) Warm(ctx context.Context, o WarmOptions, progress func(Warmed)) (Warmed, error) {
	if err := o.Check(); err != nil {
		return Warmed{}, err
	}
	ids := o.Sessions
	if len(ids) == 0 && len(o.Names) == 0 {
		ids, _ = l.Sessions()
	}
	ctx, stop := context.WithCancelCause(reach.Outlast(ctx))
	defer stop(nil)
	_, room := l.Room()
	w := warming{lib: l, options: o, stop: stop, sum: Warmed{Sessions: len(ids) + len(o.Names), Room: room}}

	files := make(chan *File, warmQueue)
	var listers, fetchers errgroup.Group
	listers.SetLimit(max(1, l.connections/2)) // each asks for two lists
	for range l.connections + warmSpare {
		fetchers.Go(l.guard(func() error {
			for f := range files {
				w.fetch(ctx, f)
			}
			return nil
		}))
	}
	finished := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		w.tell(progress, finished)
	}()
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		listers.Go(l.guard(func() error { w.list(ctx, listing.SessionsTree+"/"+id.String(), files); return nil }))
	}
	for _, name := range o.Names {
		if ctx.Err() != nil {
			break
		}
		listers.Go(l.guard(func() error { w.list(ctx, name, files); return nil }))
	}
	err := listers.Wait()
	close(files)
	err = errors.Join(err, fetchers.Wait())
	close(finished)
	<-told
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return w.snapshot(true), err
}

// warming is a call of Warm.
type warming struct {
	lib     *Library
	options WarmOptions
	stop    context.CancelCauseFunc

	mu  sync.Mutex
	sum Warmed
}

// list has the files fetched that a name stands for.
func (w *warming) list(ctx context.Context, name string, files chan<- *File) {
	_, all, err := w.lib.resolve(ctx, name)
	if err != nil {
		w.count(func(s *Warmed) { s.Listed++ })
		w.fail(ctx, WarmFailure{Session: strings.TrimPrefix(name, listing.SessionsTree+"/")}, err)
		return
	}
	var wanted []*File
	var bytes int64
	for _, f := range all {
		if w.options.wants(f) {
			wanted = append(wanted, f)
			bytes += max(0, w.lib.Size(f))
		}
	}
	w.count(func(s *Warmed) {
		s.Listed++
		s.Files += len(wanted)
		s.Bytes += bytes
	})
	for _, f := range wanted {
		select {
		case files <- f:
		case <-ctx.Done():
			return
		}
	}
}

func (w *warming) fetch(ctx context.Context, f *File) {
	if ctx.Err() != nil {
		return
	}
	believed := max(0, w.lib.Size(f))
	fetched, err := w.lib.files.warm(ctx, f)
	if err != nil {
		w.fail(ctx, WarmFailure{Session: f.In.Session.String(), File: f.Name()}, err)
		return
	}
	size := w.lib.Size(f)
	w.count(func(s *Warmed) {
		s.Bytes += size - believed
		if fetched {
			s.Fetched++
			s.FetchedBytes += size
		} else {
			s.Cached++
			s.CachedBytes += size
		}
	})
}

// fail lists a failure, and ends the warming if all that is left would fail
// for the same reason.
func (w *warming) fail(ctx context.Context, failure WarmFailure, err error) {
	if ctx.Err() != nil {
		return // stopped, not failed
	}
	failure.Error = err.Error()
	w.count(func(s *Warmed) {
		s.Failed++
		if len(s.Failures) < warmFailures {
			s.Failures = append(s.Failures, failure)
		}
	})
	if down := w.lib.link.Check(); down != nil {
		w.stop(down)
	} else if badCredentials(err) {
		w.stop(err)
	}
}

// badCredentials reports whether the API refused the credentials themselves, and
// not the one thing that was asked for.
func badCredentials(err error) bool {
	var answer *veriff.APIError
	return answers.Refused(err) && errors.As(err, &answer) && answer.AboutCredentials()
}

func (w *warming) count(f func(*Warmed)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.sum)
}

func (w *warming) snapshot(failures bool) Warmed {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := w.sum
	if !failures {
		sum.HeldUntil = w.lib.client.HeldUntil()
		sum.Failures = nil
	}
	return sum
}

// tell reports the progress until all is finished.
func (w *warming) tell(progress func(Warmed), finished <-chan struct{}) {
	if progress == nil {
		return
	}
	tick := time.NewTicker(warmInterval)
	defer tick.Stop()
	for {
		select {
		case <-finished:
			return
		case <-tick.C:
			progress(w.snapshot(false))
		}
	}
}
