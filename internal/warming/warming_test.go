package warming_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/internal/listing"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// shelf is a library of sessions with one file each. obtain fetches it.
type shelf struct {
	ids    []veriff.SessionID
	obtain func(*listing.File) (bool, error)
	inTeam func(*listing.File) (bool, error)
	toTeam func(*listing.File) error
	down   atomic.Pointer[error]
}

func newShelf(sessions int) *shelf {
	s := &shelf{obtain: func(*listing.File) (bool, error) { return true, nil }}
	for i := range sessions {
		s.ids = append(s.ids, veriff.SessionID{0: 1, 14: byte(i >> 8), 15: byte(i)})
	}
	return s
}

func (s *shelf) Sessions() ([]veriff.SessionID, uint64) { return s.ids, 1 }

func (s *shelf) Files(_ context.Context, name string) ([]*listing.File, error) {
	n, err := listing.ParseName(name)
	if err != nil {
		return nil, err
	}
	list := listing.New(n.Session(), veriff.AttemptID{}, time.Time{}, veriff.MediaList{Items: []veriff.Media{{ID: veriff.MediaID(n.Session()), Size: 10}}})
	return []*listing.File{&list.Files[0]}, nil
}

func (s *shelf) Obtain(_ context.Context, f *listing.File) (bool, error) { return s.obtain(f) }
func (s *shelf) Size(f *listing.File) int64                              { return f.ListedSize }
func (s *shelf) Room() (used, limit int64)                               { return 0, 1000 }
func (s *shelf) Connections() int                                        { return 4 }
func (s *shelf) HeldUntil() time.Time                                    { return time.Time{} }
func (s *shelf) Down() error {
	if err := s.down.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *shelf) InTeam(_ context.Context, f *listing.File) (bool, error) {
	return s.inTeam(f)
}
func (s *shelf) ToTeam(_ context.Context, f *listing.File) error { return s.toTeam(f) }
func (s *shelf) Guard(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("contained: %v", p)
			}
		}()
		return f()
	}
}

// TestCounts: what is fetched, was there, and failed adds up, and a failure ends
// nothing else.
func TestCounts(t *testing.T) {
	s := newShelf(9)
	s.obtain = func(f *listing.File) (bool, error) {
		if f.ID[15] == 4 {
			return false, errors.New("no")
		}
		return f.ID[15] < 4, nil
	}
	done, err := warming.Run(t.Context(), s, warming.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if done.Sessions != 9 || done.Done != 9 || done.Files != 9 || done.Fetched != 4 || done.Cached != 4 || done.Failed != 1 ||
		done.FetchedBytes != 40 || done.CachedBytes != 40 || done.Bytes != 90 || done.Room != 1000 || len(done.Failures) != 1 {
		t.Errorf("%+v", done)
	}
}

// TestOutageEndsIt: once the API is out of reach, the other files are not tried.
func TestOutageEndsIt(t *testing.T) {
	s, down := newShelf(500), errors.New("down")
	var tried atomic.Int64
	s.obtain = func(*listing.File) (bool, error) {
		tried.Add(1)
		s.down.Store(&down)
		return false, down
	}
	done, err := warming.Run(t.Context(), s, warming.Options{}, nil)
	if !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if n := tried.Load(); n > 20 || done.Failed == 0 {
		t.Errorf("%d files tried, %+v", n, done)
	}
}

// TestPanicIsAnError: a panic ends neither the process nor the wait for the rest.
func TestPanicIsAnError(t *testing.T) {
	s := newShelf(9)
	var once atomic.Bool
	s.obtain = func(*listing.File) (bool, error) {
		if once.CompareAndSwap(false, true) {
			panic("x")
		}
		return true, nil
	}
	done, err := warming.Run(t.Context(), s, warming.Options{}, nil)
	if err == nil || done.Fetched != 8 {
		t.Errorf("error %v, %+v", err, done)
	}
}

// TestTeamCounts: what the team's store had, got and did not get adds up, and none of it
// changes what is counted of the cache.
func TestTeamCounts(t *testing.T) {
	s := newShelf(9)
	s.inTeam = func(f *listing.File) (bool, error) {
		if f.ID[15] == 8 {
			return false, errors.New("no answer")
		}
		return f.ID[15] < 4, nil
	}
	s.toTeam = func(f *listing.File) error {
		switch {
		case f.ID[15] == 4:
			return errors.New("no room")
		case f.ID[15] < 4 || f.ID[15] == 8:
			t.Errorf("file %d was put", f.ID[15])
		}
		return nil
	}
	done, err := warming.Run(t.Context(), s, warming.Options{Team: true}, nil)
	if err != nil || done.InTeam != 4 || done.ToTeam != 3 || done.TeamFailed != 2 || len(done.Failures) != 2 || done.Fetched != 9 || done.Failed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestTeamDownEndsIt: once the team's store takes nothing, the other files are not tried.
func TestTeamDownEndsIt(t *testing.T) {
	s := newShelf(500)
	s.inTeam = func(*listing.File) (bool, error) { return false, nil }
	s.toTeam = func(*listing.File) error { return fmt.Errorf("%w: why", warming.ErrTeamDown) }
	done, err := warming.Run(t.Context(), s, warming.Options{Team: true}, nil)
	if !errors.Is(err, warming.ErrTeamDown) || done.Fetched > 50 || done.TeamFailed == 0 {
		t.Errorf("%+v, %v", done, err)
	}
}
