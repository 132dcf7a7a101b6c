package warming

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/answers"
	"veriffs/internal/listing"
	"veriffs/internal/reach"
	"veriffs/veriff"
)

// Run fetches the files that are not in the cache yet. progress is told now and
// then, without the failures; nil is told nothing.
//
// Errors: a pattern that means nothing, credentials that the API refuses, an API out
// of reach, or the cause of ctx's end. What failed alone is in the result.
func Run(ctx context.Context, lib Library, o Options, progress func(Progress)) (Progress, error) {
	if err := o.Check(); err != nil {
		return Progress{}, err
	}
	ctx, stop := context.WithCancelCause(reach.Outlast(ctx))
	defer stop(nil)
	names := o.names(lib)
	_, room := lib.Room()
	w := run{lib: lib, options: o, stop: stop, sum: Progress{Sessions: len(names), Room: room}}

	files := make(chan *listing.File, queue)
	var listers, fetchers errgroup.Group
	listers.SetLimit(max(1, lib.Connections()/2)) // each asks for two lists
	for range lib.Connections() + spare {
		fetchers.Go(lib.Guard(func() error {
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
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		listers.Go(lib.Guard(func() error { w.list(ctx, name, files); return nil }))
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

// run is a call of Run.
type run struct {
	lib     Library
	options Options
	stop    context.CancelCauseFunc

	mu  sync.Mutex
	sum Progress
}

// list has the files fetched that a name stands for.
func (w *run) list(ctx context.Context, name string, files chan<- *listing.File) {
	all, err := w.lib.Files(ctx, name)
	if err != nil {
		w.count(func(s *Progress) { s.Done++ })
		w.fail(ctx, Failure{Session: strings.TrimPrefix(name, listing.SessionsTree+"/")}, err)
		return
	}
	var wanted []*listing.File
	var bytes int64
	for _, f := range all {
		if w.options.Wants(f) && w.options.Shown.Shows(f) {
			wanted = append(wanted, f)
			bytes += max(0, w.lib.Size(f))
		}
	}
	w.count(func(s *Progress) {
		s.Done++
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

func (w *run) fetch(ctx context.Context, f *listing.File) {
	if ctx.Err() != nil {
		return
	}
	believed := max(0, w.lib.Size(f))
	share := w.share(ctx, f)
	fetched, err := w.lib.Obtain(ctx, f)
	if err != nil {
		w.fail(ctx, failureOf(f), err)
		return
	}
	size := w.lib.Size(f)
	w.count(func(s *Progress) {
		s.Bytes += size - believed
		if fetched {
			s.Fetched++
			s.FetchedBytes += size
		} else {
			s.Cached++
			s.CachedBytes += size
		}
	})
	share()
}

// share looks whether the team's store has a file, if that is to be filled, before the
// file is fetched. It returns what adds the file once it is in the cache.
func (w *run) share(ctx context.Context, f *listing.File) func() {
	if !w.options.Team {
		return func() {}
	}
	there, err := w.lib.InTeam(ctx, f)
	return func() {
		if err == nil && !there {
			err = w.lib.ToTeam(ctx, f)
		}
		switch {
		case err != nil:
			w.failShare(ctx, failureOf(f), err)
		case there:
			w.count(func(s *Progress) { s.InTeam++ })
		default:
			w.count(func(s *Progress) { s.ToTeam++ })
		}
	}
}

func failureOf(f *listing.File) Failure {
	return Failure{Session: f.In.Session.String(), File: f.Name()}
}

// failShare is fail for a file that could not be added to the team's store.
func (w *run) failShare(ctx context.Context, failure Failure, err error) {
	if ctx.Err() != nil {
		return
	}
	failure.Error = err.Error()
	w.count(func(s *Progress) {
		s.TeamFailed++
		s.keep(failure)
	})
	if errors.Is(err, ErrTeamDown) {
		w.stop(err)
	}
}

// fail lists a failure, and ends the warming if all that is left would fail
// for the same reason.
func (w *run) fail(ctx context.Context, failure Failure, err error) {
	if ctx.Err() != nil {
		return // stopped, not failed
	}
	failure.Error = err.Error()
	w.count(func(s *Progress) {
		s.Failed++
		s.keep(failure)
	})
	if down := w.lib.Down(); down != nil {
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

func (w *run) count(f func(*Progress)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.sum)
}

func (w *run) snapshot(failures bool) Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := w.sum
	if !failures {
		sum.HeldUntil = w.lib.HeldUntil()
		sum.Failures = nil
	}
	return sum
}

// tell reports the progress until all is finished.
func (w *run) tell(progress func(Progress), finished <-chan struct{}) {
	if progress == nil {
		return
	}
	tick := time.NewTicker(interval)
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
