package team

import (
	"context"
	"sync/atomic"
	"time"

	"veriffs/cache"
)

// longest bounds the patience that comes from a slow API.
const longest = time.Second

// answers is how long the API took of late, averaged over some answers.
type answers struct{ nanoseconds atomic.Int64 }

func (a *answers) add(took time.Duration) {
	before := a.nanoseconds.Load() // two at once may lose one of them
	a.nanoseconds.Store(before + (int64(took)-before)/8)
}

func (a *answers) usual() time.Duration { return time.Duration(a.nanoseconds.Load()) }

// patience is how long the bucket may keep somebody waiting. While the API takes longer
// than what was set, as long as that: before, asking it as well would bring nothing.
func (s *Store) patience() time.Duration {
	return max(s.o.Patience, min(s.api.usual(), longest))
}

// fetch asks the API, and takes the time.
func (s *Store) fetch(ctx context.Context, w Want) (*cache.Object, error) {
	begun := time.Now()
	o, err := w.API(ctx)
	if err == nil {
		s.api.add(time.Since(begun))
	}
	return o, err
}
