package sessionlist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/veriff"
)

// Stdin is the name that stands for standard input, which is read once.
const Stdin = "-"

// Options of Open. The zero value is ready for use.
type Options struct {
	Logger *slog.Logger // nil: discard
	Stdin  io.Reader    // nil: os.Stdin

	// OnChange is called after every change, the first load included, once
	// Snapshot returns the new state. Calls never overlap: the next change waits
	// until it returns.
	OnChange func()
}

const (
	debounce    = 50 * time.Millisecond  // quiet time to wait for after a notice
	settle      = 400 * time.Millisecond // a file must stay the same this long before removals count
	pollWatched = 2 * time.Second        // between looks at files whose directories are watched
	pollOthers  = 500 * time.Millisecond // and at files whose directories can't be
)

// Source is the union of several sessions files, followed as they change.
type Source struct {
	opts     Options
	log      *slog.Logger
	files    []*followed
	snapshot atomic.Pointer[[]veriff.SessionID]
	streams  chan streamed
	stop     context.CancelFunc
	done     sync.WaitGroup
	loaded   chan struct{} // closed after the first load of everything
	loadErr  error         // of the first load; read after loaded is closed
}

// Open starts to load and follow the files, and returns at once. Files may be
// missing, and Stdin or a pipe may be among them. Only an empty name is an error.
func Open(ctx context.Context, files []string, opts Options) (*Source, error) {
	s := &Source{opts: opts, log: opts.Logger, streams: make(chan streamed), loaded: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opts.Stdin == nil {
		s.opts.Stdin = os.Stdin
	}
	s.snapshot.Store(new([]veriff.SessionID))
	for _, name := range files {
		if name == "" {
			return nil, errors.New("sessionlist: empty file name")
		}
		if !slices.ContainsFunc(s.files, func(f *followed) bool { return f.name == name }) {
			s.files = append(s.files, &followed{name: name})
		}
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.done.Go(func() { s.guard(func() { s.follow(ctx) }) })
	return s, nil
}

// Wait returns once everything has been loaded for the first time, standard
// input to its end included. The error names the files that can't be used, which
// a missing file is not. It is also an error if the Source is closed first.
func (s *Source) Wait(ctx context.Context) error {
	select {
	case <-s.loaded:
		return s.loadErr
	case <-ctx.Done():
		return fmt.Errorf("sessionlist: load: %w", ctx.Err())
	}
}

// Snapshot returns the sessions known now, sorted, each once. The slice is
// shared: it must not be modified.
func (s *Source) Snapshot() []veriff.SessionID { return *s.snapshot.Load() }

// Close stops following the files. OnChange is not called after it returns. It
// does not wait for the reader of a stream that has not ended.
func (s *Source) Close() {
	s.stop()
	s.done.Wait()
}

// publish stores the union of all files as the snapshot and reports a change.
func (s *Source) publish() {
	var union []veriff.SessionID
	if len(s.files) == 1 {
		union = s.files[0].ids
	} else {
		for _, f := range s.files {
			union = append(union, f.ids...)
		}
		union = slices.Clip(sorted(union))
	}
	old := s.Snapshot()
	if slices.Equal(old, union) {
		return
	}
	s.snapshot.Store(&union)
	s.log.Info("sessions changed", "known", len(union), "added", len(missing(union, old)), "removed", len(missing(old, union)))
	if s.opts.OnChange != nil {
		s.opts.OnChange()
	}
}

// missing returns what is in a and not in b; both are sorted.
func missing(a, b []veriff.SessionID) []veriff.SessionID {
	var only []veriff.SessionID
	for _, id := range a {
		for len(b) > 0 && b[0].Compare(id) < 0 {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != id {
			only = append(only, id)
		}
	}
	return only
}

// followed is one of the files. It belongs to the goroutine that follows.
type followed struct {
	name   string
	stream bool // standard input or a pipe: read once

	ids       []veriff.SessionID // in effect
	latest    []veriff.SessionID // in the file
	state     os.FileInfo        // of the file when it was last read; nil: read it
	settles   time.Time          // when to look again; if nothing changed, latest replaces ids then
	complaint string             // the last one that was logged
	known     bool               // it was read at least once
}

// look reads the file if it has changed. It returns when to look again, or the
// zero time if only a notice calls for that.
func (s *Source) look(ctx context.Context, f *followed) (again time.Time, err error) {
	info, err := os.Stat(f.name)
	switch {
	case err == nil && f.state != nil && sameState(info, f.state):
		if !f.settles.IsZero() && !time.Now().Before(f.settles) {
			f.ids, f.settles = f.latest, time.Time{}
		}
		return f.settles, nil
	case errors.Is(err, fs.ErrNotExist):
		f.state, f.settles = nil, time.Time{}
		if f.known {
			s.complain(f, slog.LevelWarn, "sessions file is gone; keeping its sessions until it is back", nil)
		} else {
			s.complain(f, slog.LevelInfo, "sessions file does not exist yet", nil)
		}
		return time.Time{}, nil
	}
	now := time.Now()
	var notes badLines
	ids, state, err := readFile(ctx, f.name, notes.add)
	f.state = state
	if err != nil {
		f.settles = time.Time{}
		if ctx.Err() == nil {
			s.complain(f, slog.LevelError, "can't use sessions file; keeping its last good set", err)
		}
		return time.Time{}, err
	}
	f.known, f.latest, f.settles = true, ids, time.Time{}
	s.report(f, &notes)
	if now.Sub(state.ModTime()).Abs() < coarseClock {
		// A second write within the same tick would leave the same state.
		f.state, f.settles = nil, now.Add(coarseClock)
	}
	if len(missing(f.ids, ids)) == 0 {
		f.ids = ids
		return f.settles, nil
	}
	f.ids = sorted(slices.Concat(f.ids, ids))
	if f.state != nil {
		f.settles = now.Add(settle)
	}
	return f.settles, nil
}

// coarseClock is the longest tick of a local file system's clock: two writes
// closer than that may leave the same time.
const coarseClock = 20 * time.Millisecond

// streamed is what a stream held.
type streamed struct {
	file *followed
	ids  []veriff.SessionID
	err  error
}

// readStream reads standard input or a pipe to its end, in a goroutine of its
// own that no one waits for: nothing ends a read from a terminal.
func (s *Source) readStream(ctx context.Context, f *followed) {
	go func() {
		var notes badLines
		result := streamed{file: f}
		defer func() {
			if p := recover(); p != nil {
				result.err = fmt.Errorf("sessionlist: %s: panic: %v", f.name, p)
			}
			select {
			case s.streams <- result:
			case <-ctx.Done():
			}
		}()
		in := s.opts.Stdin
		if f.name != Stdin {
			file, err := os.Open(f.name)
			if err != nil {
				result.err = fmt.Errorf("sessionlist: %w", err)
				return
			}
			defer file.Close()
			in = file
		}
		ids, err := Read(contextReader{ctx, in}, notes.add)
		if err != nil {
			err = fmt.Errorf("sessionlist: %s: %w", f.name, err)
		}
		result.ids, result.err = ids, err
		notes.log(s.log, f.name)
	}()
}

// guard recovers and logs a panic, so that one file can't end the mount.
func (s *Source) guard(what func()) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("sessionlist: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	what()
}
