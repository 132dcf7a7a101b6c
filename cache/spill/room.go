package spill

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// maxMemory and allMemory bound the memory, in bytes, of one file and of all
	// of them. What is larger goes to an unlinked temporary file.
	maxMemory = 16 << 20
	allMemory = 64 << 20
	// step is how much room a file asks for at a time, in bytes.
	step = 1 << 20
	// Patience is how long a write waits for others to be closed.
	Patience = 10 * time.Second
)

// What WriteAt returns when there is no room.
var (
	ErrFull     = errors.New("open objects take all the room outside of the cache")
	ErrTooLarge = errors.New("larger than all the room outside of the cache")
)

// Room is what the files of one cache may take, and where they are.
type Room struct {
	ctx   context.Context
	limit int64
	own   func(size int64) (*os.File, error)

	mu     sync.Mutex
	memory int64
	files  int64
	freed  chan struct{} // closed and replaced when files shrinks
}

// NewRoom returns room for limit bytes of temporary files, and for some memory.
// The end of ctx ends all waiting. The files are in the system's directory for
// them unless that is in memory or full: then in /var/tmp, or what own makes,
// an unlinked file for about size bytes.
func NewRoom(ctx context.Context, limit int64, own func(size int64) (*os.File, error)) *Room {
	return &Room{ctx: ctx, limit: limit, own: own, freed: make(chan struct{})}
}

// Used is what all files take in memory, and may take on disk, in bytes.
func (r *Room) Used() (memory, files int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.memory, r.files
}

func (r *Room) takeMemory(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory+n > allMemory {
		return false
	}
	r.memory += n
	return true
}

// takeFile lets a file that has so many bytes take n more. It waits for others
// to be closed, unless that can't help.
func (r *Room) takeFile(has, n int64) error {
	if has+n > r.limit {
		return ErrTooLarge
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		ok, freed := r.tryFile(n)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-patience.C:
			return ErrFull
		case <-r.ctx.Done():
			return ErrFull
		}
	}
}

func (r *Room) tryFile(n int64) (ok bool, freed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files+n > r.limit {
		return false, r.freed
	}
	r.files += n
	return true, nil
}

func (r *Room) give(memory, files int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory -= memory
	r.files -= files
	if files > 0 {
		close(r.freed)
		r.freed = make(chan struct{})
	}
}
