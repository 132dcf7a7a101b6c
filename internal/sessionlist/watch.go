package sessionlist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/fsnotify/fsnotify"
)

// follow loads the files and follows them until ctx ends. A notice from a file's
// directory only means that a look is worthwhile, so it does not matter how the
// change was made.
func (s *Source) follow(ctx context.Context) {
	watcher := s.newWatcher()
	var notices <-chan fsnotify.Event
	var failures <-chan error
	if watcher != nil {
		defer watcher.Close()
		notices, failures = watcher.Events, watcher.Errors
	}
	// Watching comes before looking, so that nothing is missed between.
	poll := s.watch(watcher)
	waiting := 0 // streams that have not ended
	for _, f := range s.files {
		if f.stream = f.name == Stdin || isStream(f.name); f.stream {
			waiting++
			s.readStream(ctx, f)
		}
	}
	settles, first := s.lookAll(ctx)
	look := time.Now().Add(poll) // even without a notice
	var noticed, rest time.Time  // when to look after a notice; not before
	timer := time.NewTimer(0)
	defer timer.Stop()
	loaded := false
	defer func() {
		if !loaded {
			s.loadErr = fmt.Errorf("sessionlist: load: %w", context.Canceled)
			close(s.loaded)
		}
	}()
	for {
		if !loaded && waiting == 0 {
			loaded, s.loadErr = true, errors.Join(first...)
			close(s.loaded)
		}
		timer.Reset(time.Until(earlier(look, earlier(noticed, settles))))
		select {
		case <-ctx.Done():
			return
		case result := <-s.streams:
			waiting--
			if result.err != nil {
				first = append(first, result.err)
				s.complain(result.file, slog.LevelError, "can't read sessions", result.err)
			}
			result.file.ids = result.ids
			s.guard(s.publish)
		case <-timer.C:
			began := time.Now()
			look, noticed = began.Add(s.watch(watcher)), time.Time{}
			settles, _ = s.lookAll(ctx)
			// A huge file that changes all the time must not keep a core busy.
			rest = time.Now().Add(min(4*time.Since(began), 5*time.Second))
		case <-notices:
			if noticed.IsZero() {
				if noticed = time.Now().Add(debounce); noticed.Before(rest) {
					noticed = rest
				}
			}
		case err := <-failures: // probably an overflow of the queue of notices
			s.log.Debug("watching the sessions files", "error", err)
			noticed = time.Now()
		}
	}
}

// lookAll looks at every file, publishes what changed, and returns when to
// look again, the zero time if only a notice calls for it.
func (s *Source) lookAll(ctx context.Context) (again time.Time, errs []error) {
	s.guard(func() {
		for _, f := range s.files {
			if f.stream {
				continue
			}
			next, err := s.look(ctx, f)
			if err != nil {
				errs = append(errs, err)
			}
			again = earlier(again, next)
		}
		if ctx.Err() == nil {
			s.publish()
		}
	})
	return again, errs
}

// earlier returns the earlier of two times, of which the zero one is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// newWatcher returns nil where notices are not available, or not worth it: with
// kqueue, watching a directory opens every file in it.
func (s *Source) newWatcher() *fsnotify.Watcher {
	if runtime.GOOS != "linux" {
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Warn("can't watch sessions files; polling them twice a second", "error", err)
		return nil
	}
	return watcher
}

// watch requests notices from every directory that matters now, and returns how
// long to wait for one. Directories come and go, so it is called repeatedly.
func (s *Source) watch(watcher *fsnotify.Watcher) (poll time.Duration) {
	all := watcher != nil
	for _, f := range s.files {
		if f.name == Stdin || watcher == nil {
			continue
		}
		_, dirs, err := follow(f.name)
		if err != nil {
			continue // looking reports it
		}
		for _, dir := range dirs {
			if err := watcher.Add(dir); err != nil {
				s.log.Debug("can't watch sessions files", "directory", dir, "error", err)
				all = false
			}
		}
	}
	if all {
		return pollWatched
	}
	return pollOthers
}

// isStream reports whether the file is a pipe or a device: what a shell's
// process substitution makes.
func isStream(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}
