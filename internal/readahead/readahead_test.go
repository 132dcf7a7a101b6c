package readahead_test

import (
	"testing"
	"time"

	"veriffs/internal/catalog"
	"veriffs/internal/collection"
	"veriffs/internal/flight"
	"veriffs/internal/listing"
	"veriffs/internal/readahead"
	"veriffs/veriff"
)

// shelf is a library of one session, whose disk is asked what it has.
type shelf struct {
	list   *listing.Listing
	lanes  *flight.Lanes
	cached func(veriff.MediaID) bool
	group  *flight.Group[veriff.MediaID, int]
}

func newShelf(t *testing.T) (*shelf, *readahead.ReadAhead) {
	s := &shelf{lanes: flight.NewLanes(t.Context(), 4, nil)}
	s.group = flight.NewGroup[veriff.MediaID, int](s.lanes, s.Spawn, nil)
	var media veriff.MediaList
	for i := range 9 {
		media.Items = append(media.Items, veriff.Media{ID: veriff.MediaID{15: byte(i + 1)}, Size: 1000})
	}
	s.list = listing.New(veriff.SessionID{15: 1}, veriff.AttemptID{}, time.Now(), media)
	r := readahead.New(readahead.Options{
		Library: s, Sessions: collection.NewSessions(time.Now), Catalog: catalog.New(), Lanes: s.lanes, Room: 1 << 30,
	})
	t.Cleanup(r.Stop)
	return s, r
}

func (s *shelf) Listing(id veriff.SessionID) (*listing.Listing, bool) {
	return s.list, id == s.list.Session
}

func (s *shelf) List(veriff.SessionID, func()) {}

func (s *shelf) Wanted(f *listing.File) bool { return !s.cached(f.ID) }

func (s *shelf) Speculate(f *listing.File) *flight.Task {
	return s.group.Speculate(f.ID, func(t *flight.Task) (int, error) {
		<-t.Context().Done()
		return 0, t.Context().Err()
	})
}

func (s *shelf) Spawn(f func()) { go f() }

// TestSlowDiskStallsNoOpen: while the disk is asked for a file to fetch ahead,
// other files are opened and planned for.
func TestSlowDiskStallsNoOpen(t *testing.T) {
	s, r := newShelf(t)
	asked, answer := make(chan veriff.MediaID), make(chan bool)
	defer close(answer)
	s.cached = func(id veriff.MediaID) bool {
		select {
		case asked <- id:
		case <-answer:
		}
		<-answer
		return true
	}
	opened := make(chan bool)
	go func() {
		defer close(opened)
		for i := range 4 {
			r.Opened(&s.list.Files[i])
		}
	}()
	for waits := 0; waits < 2; waits++ { // two plans ask, and neither has an answer
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("the second plan waits for the first")
		}
	}
	select {
	case <-opened:
	case <-time.After(30 * time.Second):
		t.Fatal("an open waits for the disk")
	}
}

// TestStopGivesUp: what was fetched ahead and nobody opened is given up and counted
// as wasted; what was opened counts as used.
func TestStopGivesUp(t *testing.T) {
	s, r := newShelf(t)
	begun := make(chan veriff.MediaID, 9)
	s.cached = func(id veriff.MediaID) bool {
		begun <- id
		return false
	}
	r.Opened(&s.list.Files[0])
	r.Opened(&s.list.Files[1]) // its neighbour: the next are fetched
	<-begun
	<-begun
	for s.group.Count() < 2 {
		time.Sleep(time.Millisecond) // a flight gives no notice that it has begun
	}
	r.Opened(&s.list.Files[2])
	r.Stop()
	for s.group.Count() > 1 { // but for the one that was opened
		time.Sleep(time.Millisecond) // nor that it was given up
	}
	if used, wasted := r.Counts(); used != 1 || wasted < 1 {
		t.Errorf("%d used, %d wasted", used, wasted)
	}
}
