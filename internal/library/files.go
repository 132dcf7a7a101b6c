package library

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/answers"
	"veriffs/internal/erasure"
	"veriffs/internal/flight"
	"veriffs/internal/hold"
	"veriffs/internal/reach"
	"veriffs/internal/readahead"
	"veriffs/internal/store"
	"veriffs/veriff"
)

// files are the files of all listings: fetched once, verified, and shared by
// all who have them open.
type files struct {
	*core
	listings *listings
	attempts *attempts
	fetches  *flight.Group[veriff.MediaID, *object]
	ahead    *readahead.ReadAhead
	opens    opens

	mu       sync.Mutex
	open     map[veriff.MediaID]*object // with a reader, shared by all of them
	fetching map[veriff.MediaID]*File   // of the fetches that are under way
}

// Size returns what is known of a file's size in bytes without asking: that
// of the verified object if it was ever seen, else what the list said, else
// UnknownSize.
func (l *files) Size(f *File) int64 {
	if n, ok := l.catalog.Size(f.ID); ok {
		return n
	}
	return f.ListedSize
}

// Date returns, from memory, when the attempt began that a file belongs to:
// the zero time if that is not known. It is the same in whichever listing the
// file was found.
func (l *files) Date(f *File) time.Time {
	if _, created := l.catalog.Attempt(f.In.Attempt); !created.IsZero() {
		return created
	}
	return f.In.Date()
}

// Open returns a file for reading: whole, verified and on the local disk, or
// in memory if the disk would not have it. It fetches if it must.
//
// Errors: ErrNotFound, ErrOffline, those of package veriff, or the cause of
// ctx's end; a fetch that others wait for goes on then.
func (l *files) Open(ctx context.Context, f *File) (*Handle, error) {
	l.ahead.Opened(f)
	o, from, err := l.object(ctx, f)
	l.opens.count(from, err)
	if err != nil {
		return nil, err
	}
	if from != FromCache {
		l.ahead.Delivered(f)
	}
	return &Handle{files: l, file: f, from: from, object: o}, nil
}

// Fetch makes sure that a file is in the cache and its size is known.
func (l *files) Fetch(ctx context.Context, f *File) error {
	o, _, err := l.object(ctx, f)
	if err != nil {
		return err
	}
	l.release(o)
	return nil
}

// object returns the object of a file, with a reference that the caller owns,
// and where it had to be fetched from for that.
func (l *files) object(ctx context.Context, f *File) (o *object, from Source, err error) {
	if l.gone(f) {
		return nil, FromCache, fmt.Errorf("library: %s has no file %s any more: %w", f.In, f.ID, ErrNotFound)
	}
	if o, ok := l.acquire(f.ID); ok {
		return o, FromCache, nil
	}
	if o, ok := l.cached(f); ok {
		return l.adopt(o), FromCache, nil
	}
	o, err = reach.SitOut(ctx, l.limit, func() (*object, error) {
		return erasure.Behind(ctx, l.gate, erasure.OfFile(f), func() (*object, error) {
			return l.fetches.Do(ctx, f.ID, func(t *flight.Task) (*object, error) { return l.obtain(t, f) })
		})
	})
	if err != nil {
		return nil, FromCache, err
	}
	return o, o.from, nil
}

// acquire adds a reference to an object that is open already.
func (l *files) acquire(id veriff.MediaID) (*object, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.open[id]
	if ok {
		o.refs++
	}
	return o, ok
}

// adopt shares an object that was found in the cache, or returns the one that
// is shared already, with a reference that the caller owns.
func (l *files) adopt(o *object) *object {
	l.mu.Lock()
	shared, ok := l.open[o.id]
	if !ok {
		shared = o
		l.open[o.id] = o
	}
	shared.refs++
	l.mu.Unlock()
	if ok {
		o.Object.Close()
	}
	return shared
}

// own shares a fetched object among those who waited for it.
func (l *files) own(o *object, openers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.fetching, o.id)
	if openers == 0 {
		o.Object.Close()
		return
	}
	o.refs = openers
	l.open[o.id] = o
}

// fetched returns the file that is being fetched under an id, nil if none is.
func (l *files) fetched(id veriff.MediaID) *File {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fetching[id]
}

// begin says which file is being fetched, before it is known whether it may be.
func (l *files) begin(f *File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fetching[f.ID] = f
}

func (l *files) end(id veriff.MediaID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.fetching, id)
}

// release gives one reference back and closes the object with the last.
func (l *files) release(o *object) {
	l.mu.Lock()
	o.refs--
	last := o.refs == 0
	if last && l.open[o.id] == o {
		delete(l.open, o.id)
	}
	l.mu.Unlock()
	if last {
		o.Object.Close()
	}
}

// disown keeps an object from being shared any further.
func (l *files) disown(o *object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[o.id] == o {
		delete(l.open, o.id)
	}
}

// obtain opens an object from the cache, or fetches it. That ends with
// own, or with its error.
func (l *files) obtain(t *flight.Task, f *File) (o *object, err error) {
	l.begin(f)
	defer func() {
		if o == nil {
			l.end(f.ID)
		}
	}()
	if l.gate.Shut(erasure.OfFile(f)) {
		return nil, erasure.ErrFenced
	}
	if o, ok := l.cached(f); ok {
		return o, nil
	}
	var gone error
	if r := l.holds.Owner(f.In.Session, f.In.Attempt, f.ID); l.holds.KnownGone(r, func(r *hold.Record) time.Time { return r.FileGone(f.ID) }) {
		gone = fmt.Errorf("library: media %s, which is held, is not in the cache, and the API has it no more: %w", f.ID, ErrNotFound)
	}
	stored, from, err := l.retrieve(t, f, gone)
	if err != nil {
		return nil, err
	}
	if o, err = l.labelled(f, stored); err != nil {
		return nil, err
	}
	o.from = from
	return o, nil
}

// cached opens an object if it is in the cache.
func (l *files) cached(f *File) (*object, bool) {
	stored, ok := l.cache.Get(store.File(f.ID))
	if !ok {
		return nil, false
	}
	o, err := l.labelled(f, stored)
	if err != nil {
		l.log.Error("an object in the cache has an unusable label; fetching it again", "media", f.ID, "error", err)
		l.cache.Remove(store.File(f.ID))
		return nil, false
	}
	return o, true
}

// labelled reads the label of an object and corrects the size that was believed.
// It closes the object if it fails.
func (l *files) labelled(f *File, stored *cache.Object) (*object, error) {
	label, err := stored.Meaning(store.ReadFileLabel)
	if err != nil {
		stored.Close()
		return nil, fmt.Errorf("library: label of media %s: %w", f.ID, err)
	}
	o := &object{Object: stored, id: f.ID, label: label.(*store.FileLabel)}
	if believed := l.Size(f); believed != stored.Size() && l.catalog.SetSize(f.ID, stored.Size()) && believed != UnknownSize {
		l.log.Warn("the listed size is wrong; using that of the verified file",
			"media", f.ID, "listed", believed, "verified", stored.Size())
	}
	return o, nil
}

// fetch downloads an object into the cache. Nothing is published under its
// key before its length and signature were found right. It ends with ctx, which hangs on
// the task.
func (l *files) fetch(ctx context.Context, t *flight.Task, f *File) (o *cache.Object, err error) {
	err = l.call(ctx, t, Subject{Session: f.In.Session, Attempt: f.In.Attempt, Media: f.ID}, func(ctx context.Context) error {
		o, err = l.download(ctx, f)
		return err
	})
	if err != nil {
		if answers.Proven(err) {
			l.loseFile(f)
		}
		return nil, fmt.Errorf("library: fetch media %s: %w", f.ID, err)
	}
	return o, nil
}

func (l *files) download(ctx context.Context, f *File) (*cache.Object, error) {
	var w *cache.Writer
	receipt, err := l.client.Download(ctx, f.ID, func(length int64) (io.Writer, error) {
		if w != nil { // the body of an earlier try was cut
			w.Abort()
		}
		var err error
		w, err = l.cache.Create(store.File(f.ID), length)
		return w, err
	})
	if err == nil {
		err = f.Expects(receipt)
	}
	if err == nil && l.gone(f) { // while it was being fetched
		err = ErrNotFound
	}
	if err != nil {
		if w != nil {
			w.Abort()
		}
		return nil, err
	}
	label := store.NewLabel(f.In.Session, f.In.Attempt, receipt)
	label.MIMEType = f.MIMEType()
	return w.Commit(label.Text())
}

// gone reports whether a file belongs to a session or an attempt that the API no
// longer has: what the cache still has of it must not be served.
func (l *files) gone(f *File) bool {
	if l.sessions.Absent(f.In.Session) || l.catalog.Losses.Has(f.In.Session) {
		return true
	}
	return f.In.OfAttempt && l.attempts.answers.Absent(f.In.Attempt)
}

// loseFile erases a file.
func (l *files) loseFile(f *File) {
	if r := l.holds.Owner(f.In.Session, f.In.Attempt, f.ID); r != nil {
		l.holds.Learn(r.Session, hold.FileGone(f.ID, l.now()))
		return
	}
	l.cache.Remove(store.File(f.ID))
	l.catalog.ForgetFiles(map[veriff.MediaID]bool{f.ID: true})
	l.listings.answers.Expire(f.In.Session)
	l.attempts.answers.Expire(f.In.Attempt)
	l.changes.Tell(Change{Session: f.In.Session, Erased: func(o *File) bool { return o.ID == f.ID }})
}

// disownTaken stops sharing the open files that an erasure takes.
func (l *files) disownTaken(takes func(cache.Key, []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, o := range l.open {
		if takes(store.File(id), o.Label()) {
			delete(l.open, id)
		}
	}
}

// warm makes sure that a file is in the cache, after everybody who waits for an
// open, and reports whether it was fetched for that.
func (l *files) warm(ctx context.Context, f *File) (fetched bool, err error) {
	if l.cache.Has(store.File(f.ID)) && l.Size(f) != UnknownSize {
		return false, nil // whether it is whole shows when it is opened
	}
	return reach.SitOut(ctx, l.limit, func() (bool, error) {
		o, err := erasure.Behind(ctx, l.gate, erasure.OfFile(f), func() (*object, error) {
			return l.fetches.Await(ctx, f.ID, func(t *flight.Task) (*object, error) { return l.obtain(t, f) })
		})
		return err == nil && o.from != FromCache, err
	})
}
