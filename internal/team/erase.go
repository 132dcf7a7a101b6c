package team

import (
	"context"
	"fmt"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
)

const (
	// scans bounds how often the whole bucket is read while objects keep coming.
	scans = 4
	// standstill is how long an erasure may go without a step: then the bucket hangs.
	standstill = 2 * time.Minute
)

// Erasure is the evidence of an erasure in the bucket. Objects are named by the keyed
// hashes that are their names there.
type Erasure struct {
	Store    string    `json:"store"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Scans    int       `json:"scans"`    // times the whole bucket was read
	Examined int64     `json:"examined"` // objects whose sealed header was read by the last scan
	Erased   []Erased  `json:"erased"`
	Versions int64     `json:"versions"` // of these objects, that were removed
	// Remaining is the number of matching objects that the last scan found.
	Remaining int64 `json:"remaining"`
	// Unreadable is the number of objects that no configured secret opens: whose they
	// are is not known.
	Unreadable int64 `json:"unreadable"`
	// Proven says that the last scan read everything that there is, and found nothing.
	Proven bool   `json:"proven"`
	Error  string `json:"error,omitempty"` // why the erasure is not complete
	// LeftAlone says that nothing was to be erased in it.
	LeftAlone bool `json:"left_alone,omitempty"`
}

// Unerased is the evidence of an erasure that could not begin.
func (s *Store) Unerased(why error) *Erasure {
	now := time.Now().UTC()
	return &Erasure{Store: s.String(), Started: now, Finished: now, Erased: []Erased{}, Error: why.Error()}
}

// LeaveAlone is the evidence that nothing was erased.
func (s *Store) LeaveAlone() *Erasure {
	return &Erasure{Store: s.String(), Erased: []Erased{}, LeftAlone: true}
}

// Erased is an object that was removed with all its versions.
type Erased struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"` // of the newest version
	Versions int    `json:"versions"`
}

// Erase removes every object that match returns true for, with all versions that the
// bucket keeps, going by the sealed headers, and reads the whole bucket again to prove
// it. What is being uploaded is waited for first; what matches is not uploaded before the
// end. There must be one erasure at a time. match is called by one goroutine at a time, and
// not after the end. So is forbids, before each removal; its first error ends the erasure, but
// not what has begun; nil forbids nothing. A bucket that hangs is given up after two minutes.
// The report says why it is not complete.
func (s *Store) Erase(ctx context.Context, match func(k cache.Key, label []byte, stored time.Time) bool, forbids func() error) *Erasure {
	e := &Erasure{Store: s.String(), Started: time.Now().UTC(), Erased: []Erased{}}
	ctx, step, stop := patiently(ctx, standstill)
	defer stop()
	d := &doomed{match: match}
	s.doomed.Store(d)
	defer d.end()
	err := s.drain(ctx, step)
	for err == nil && e.Scans < scans {
		err = s.scan(ctx, e, &scan{s: s, match: d.takes, forbids: forbids, step: step, names: make(map[string]bool)})
		e.Scans++
		if e.Remaining == 0 {
			break
		}
	}
	if err == nil && e.Remaining > 0 {
		err = fmt.Errorf("%d objects keep coming back", e.Remaining)
	}
	e.Finished = time.Now().UTC()
	e.Proven = err == nil && e.Unreadable == 0
	if err != nil {
		e.Error = err.Error()
		s.log.Warn("erasing in the team store failed", "store", e.Store, "error", err)
	}
	return e
}

// doomed is what an erasure takes. The zero value is nothing.
type doomed struct {
	mu    sync.Mutex // held for match
	match func(k cache.Key, label []byte, stored time.Time) bool
}

func (d *doomed) takes(k cache.Key, label []byte, stored time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.match != nil && d.match(k, label, stored)
}

// end has nothing taken any more.
func (d *doomed) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.match = nil
}

// drain waits until what is being uploaded now has ended.
func (s *Store) drain(ctx context.Context, step func()) error {
	for range uploaders {
		select {
		case s.uploads <- struct{}{}:
			defer func() { <-s.uploads }()
			step()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// scan is one reading of the whole bucket. What matches counts as remaining and is
// removed, so that only a scan that finds nothing is a proof.
type scan struct {
	s       *Store
	match   func(cache.Key, []byte, time.Time) bool
	forbids func() error
	step    func()
	endWalk func()

	mu        sync.Mutex // guards what follows
	found     Erasure
	names     map[string]bool // of what is removed: its other versions go with it
	forbidden error           // why nothing more is removed
}

// scan reads every header once, and adds to e what it found.
func (s *Store) scan(ctx context.Context, e *Erasure, c *scan) error {
	var walk context.Context // what has begun goes on when the walk ends
	walk, c.endWalk = context.WithCancel(ctx)
	defer c.endWalk()
	err := s.apart(ctx, func(ctx context.Context) error {
		return each(walk, s.o.Bucket, "", func(o bucket.Info) error { return c.object(ctx, o) })
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forbidden != nil { // the rest is what came of ending the walk
		err = c.forbidden
	}
	e.Examined, e.Remaining, e.Unreadable = c.found.Examined, c.found.Remaining, c.found.Unreadable
	e.Versions += c.found.Versions
	e.Erased = append(e.Erased, c.found.Erased...)
	return err
}

// object removes an object if it matches. One that can't be read or removed keeps no other
// from being removed.
func (c *scan) object(ctx context.Context, info bucket.Info) error {
	defer c.step()
	if !isObject(info) {
		return nil
	}
	return c.s.examine(ctx, info, func(entry cache.Entry, readable bool) error {
		if !c.matches(info.Name, entry, readable) {
			return nil
		}
		versions, err := c.s.o.Bucket.Remove(ctx, info.Name)
		c.removed(info, versions)
		return err
	})
}

// matches reports whether an object is to be removed, and counts it.
func (c *scan) matches(name string, entry cache.Entry, readable bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.names[name]:
		return false
	case !readable:
		c.found.Unreadable++
		return false
	}
	c.found.Examined++
	if !c.match(entry.Key, entry.Label, entry.Stored) {
		return false
	}
	c.found.Remaining++
	c.names[name] = true
	if c.forbidden == nil && c.forbids != nil {
		if c.forbidden = c.forbids(); c.forbidden != nil {
			c.endWalk()
		}
	}
	return c.forbidden == nil
}

func (c *scan) removed(info bucket.Info, versions int) {
	if versions == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.Versions += int64(versions)
	c.found.Erased = append(c.found.Erased, Erased{info.Name, info.Size, versions})
}
