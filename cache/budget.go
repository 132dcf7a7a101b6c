package cache

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// spillObject and spillTotal bound the memory, in bytes, that objects take
	// which are not on the cache's disk: one of them and all together. What is
	// larger goes to an unlinked temporary file.
	spillObject = 16 << 20
	spillTotal  = 64 << 20
	// spillFiles and spillShare bound what those files take together: a quarter
	// of the cache's limit, at least a GiB, so that a small cache still serves
	// long films.
	spillFiles = 1 << 30
	spillShare = 4
	// spillPatience is how long a write waits for others to be closed.
	spillPatience = 10 * time.Second
)

var (
	errSpillFull  = errors.New("the objects that are open take all the room that there is outside of the cache")
	errSpillLarge = errors.New("it is larger than all the room that there is outside of the cache")
)

// budget counts what spills take, in bytes.
type budget struct {
	limit int64 // of files

	mu     sync.Mutex
	memory int64
	files  int64
	freed  chan struct{} // closed and made anew when files becomes less
}

func newBudget(limit int64) *budget {
	return &budget{limit: max(limit/spillShare, spillFiles), freed: make(chan struct{})}
}

func (b *budget) takeMemory(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory+n > spillTotal {
		return false
	}
	b.memory += n
	return true
}

// takeFile lets a spill that has so many bytes take n more. It waits a while
// for others, unless that can't help.
func (b *budget) takeFile(ctx context.Context, has, n int64) error {
	if has+n > b.limit {
		return errSpillLarge
	}
	patience := time.NewTimer(spillPatience)
	defer patience.Stop()
	for {
		ok, freed := b.tryFile(n)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-patience.C:
			return errSpillFull
		case <-ctx.Done():
			return errSpillFull
		}
	}
}

func (b *budget) tryFile(n int64) (ok bool, freed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files+n > b.limit {
		return false, b.freed
	}
	b.files += n
	return true, nil
}

func (b *budget) give(memory, files int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory -= memory
	b.files -= files
	if files > 0 {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}

func (b *budget) used() (memory, files int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory, b.files
}
