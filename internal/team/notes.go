package team

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

const (
	// noteDir is where the notes are.
	noteDir = "holds/"
	// noteTime is how long what is done with one note may take, and how long reading
	// all of them may go without a step.
	noteTime = 15 * time.Second
	// mostNotes bounds the objects that are listed there.
	mostNotes = 100_000
)

// noteName is what notes are called. What else lies there was left by a file system or a
// person, such as .DS_Store, and can't be a note.
var noteName = regexp.MustCompile(`^` + noteDir + `[0-9a-f]{32}$`)

// Note is a small text that a member has left for all. See cache.Cache.Notes.
type Note struct {
	Key    cache.Key
	Text   []byte
	Object bucket.Info // what it is in the bucket
}

// UnreadableError says that there are notes of which it is not known what they say.
type UnreadableError struct {
	Store   string
	Objects []bucket.Info // that no configured secret opens
	Unknown []bucket.Info // that one opens, and that say nothing that is understood
}

func (e *UnreadableError) Error() string {
	var all []string
	if len(e.Objects) > 0 {
		all = append(all, "in the team store no configured secret opens "+e.list(e.Objects))
	}
	if len(e.Unknown) > 0 {
		all = append(all, "in the team store this version of veriffs can't read "+e.list(e.Unknown))
	}
	return strings.Join(all, ", ")
}

// list names objects so that a person finds them, and sees what can't be a note.
func (e *UnreadableError) list(objects []bucket.Info) string {
	const shown = 3
	var all []string
	for _, o := range objects[:min(len(objects), shown)] {
		size := fmt.Sprintf("%d bytes", o.Size)
		if o.Size != cache.NoteSize {
			size += fmt.Sprintf(" where a hold has %d", cache.NoteSize)
		}
		all = append(all, fmt.Sprintf("%s/%s (%s, put %s)", e.Store, o.Name, size, o.Modified.UTC().Format(time.RFC3339)))
	}
	text := strings.Join(all, ", ")
	if more := len(objects) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// PutNote puts a note, in place of one of its key. It does not go by the breaker: a note
// is for a command that waits, or is tried again by who put it.
func PutNote(ctx context.Context, s *Store, k cache.Key, text []byte) error {
	notes := s.o.Cache.Notes()
	sealed, err := notes.Seal(k, text)
	if err != nil {
		return fmt.Errorf("team: %w", err)
	}
	names := notes.Names(k)
	return s.briefly(ctx, func(ctx context.Context) error {
		if err := s.o.Bucket.Replace(ctx, noteDir+names[0], bytes.NewReader(sealed)); err != nil {
			return err
		}
		return s.removeNotes(ctx, names[1:]) // an older secret has sealed it
	})
}

// RemoveNote removes the note of a key, if there is one, with all its versions.
func RemoveNote(ctx context.Context, s *Store, k cache.Key) error {
	return s.briefly(ctx, func(ctx context.Context) error { return s.removeNotes(ctx, s.o.Cache.Notes().Names(k)) })
}

// RemoveOlderNotes removes what older secrets have sealed as the note of a key.
func RemoveOlderNotes(ctx context.Context, s *Store, k cache.Key) error {
	older := s.o.Cache.Notes().Names(k)[1:]
	if len(older) == 0 {
		return nil
	}
	return s.briefly(ctx, func(ctx context.Context) error { return s.removeNotes(ctx, older) })
}

func (s *Store) removeNotes(ctx context.Context, names []string) error {
	for _, name := range names {
		if _, err := s.o.Bucket.Remove(ctx, noteDir+name); err != nil {
			return err
		}
	}
	return nil
}

// ReadNote returns what the note of a key says that PutNote would replace: nil if there is
// none, or if it does not open.
func ReadNote(ctx context.Context, s *Store, k cache.Key) (text []byte, err error) {
	name := noteDir + s.o.Cache.Notes().Names(k)[0]
	err = s.briefly(ctx, func(ctx context.Context) error {
		n, err := s.readNote(ctx, bucket.Info{Name: name})
		if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, cache.ErrRefused) {
			return nil
		}
		text = n.Text
		return err
	})
	return text, err
}

// Notes returns all notes. Of a name with several versions the newest counts or, where that
// was removed and others were left, each of these. One that is gone when it is to be read may
// just have been sealed anew, under another name: then all are read again.
//
// Errors: *UnreadableError, beside the notes that can be read; those of the bucket.
func Notes(ctx context.Context, s *Store) ([]Note, error) {
	ctx, step, stop := patiently(ctx, noteTime)
	defer stop()
	var last []string
	for range scans {
		r := newReading(s)
		err := s.apart(ctx, func(ctx context.Context) error { return r.run(ctx, step) })
		found, gone, err := r.result(err)
		if len(gone) == 0 || slices.Equal(gone, last) { // which the bucket only lists
			return found, err
		}
		last = gone
	}
	return nil, errors.New("team: the notes change while they are read")
}

// result returns what was read, and the names of what was gone.
func (r *reading) result(err error) (found []Note, gone []string, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && len(r.unreadable) > 0 {
		err = &UnreadableError{Store: r.s.String(), Objects: r.unreadable}
	}
	slices.Sort(r.gone)
	return r.found, r.gone, err
}

// reading is one look at all notes.
type reading struct {
	s        *Store
	listed   int // objects, of which one goroutine tells
	stray    int
	versions map[string][]bucket.Info // by name

	mu         sync.Mutex // guards what follows
	found      []Note
	unreadable []bucket.Info
	gone       []string // names that were listed
}

func newReading(s *Store) *reading { return &reading{s: s, versions: make(map[string][]bucket.Info)} }

func (r *reading) run(ctx context.Context, step func()) error {
	for o, err := range r.s.o.Bucket.List(ctx, noteDir) {
		if err == nil {
			err = r.add(o)
		}
		if err != nil {
			return err
		}
		step()
	}
	return r.readAll(ctx, step)
}

// readAll reads what was added.
func (r *reading) readAll(ctx context.Context, step func()) error {
	return together(func(work func(func() error)) error {
		for _, versions := range r.versions {
			for _, o := range versions {
				work(func() error {
					defer step()
					return r.read(ctx, o)
				})
			}
		}
		return nil
	})
}

// add keeps of what lies where notes do the newest version of a name, or all if that is not
// among them. What can't be a note by its name is stray.
func (r *reading) add(o bucket.Info) error {
	if r.listed++; r.listed > mostNotes {
		return fmt.Errorf("there are more than %d objects in %s", mostNotes, noteDir)
	}
	known := r.versions[o.Name]
	switch {
	case !noteName.MatchString(o.Name):
		if o.Version == "" {
			r.stray++
		}
	case o.Version == "":
		r.versions[o.Name] = []bucket.Info{o}
	case len(known) == 0 || known[0].Version != "":
		r.versions[o.Name] = append(known, o)
	}
	return nil
}

func (r *reading) read(ctx context.Context, o bucket.Info) error {
	n, err := r.s.readNote(ctx, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.found = append(r.found, n)
	case errors.Is(err, bucket.ErrNotFound):
		r.gone = append(r.gone, o.Name)
	case errors.Is(err, cache.ErrRefused):
		r.unreadable = append(r.unreadable, o)
	default:
		return err
	}
	return nil
}

// readNote reads one version of a note: cache.ErrRefused if it is none.
func (s *Store) readNote(ctx context.Context, o bucket.Info) (Note, error) {
	sealed, err := s.o.Bucket.Head(ctx, o, cache.NoteSize+1)
	if err != nil {
		return Note{}, err
	}
	n, err := s.o.Cache.Notes().Open(strings.TrimPrefix(o.Name, noteDir), sealed)
	if err != nil {
		return Note{}, fmt.Errorf("%w: %w", cache.ErrRefused, err)
	}
	return Note{n.Key, n.Text, o}, nil
}

// isNote reports whether an object of the bucket is a note, or lies where notes do.
func isNote(o bucket.Info) bool { return strings.HasPrefix(o.Name, noteDir) }

// briefly does what must not take long.
func (s *Store) briefly(ctx context.Context, f func(context.Context) error) error {
	ctx, _, stop := patiently(ctx, noteTime)
	defer stop()
	return s.apart(ctx, f)
}
