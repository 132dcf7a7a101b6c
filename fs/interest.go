package fs

import (
	"context"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Attributes beside the names of a directory (READDIRPLUS) save a lookup for
// each file to those who look at the files, like ls -l and rsync. To those who
// want names alone, like find, they are a node for each file, here and in the
// kernel. So a caller that looks at nothing gets names alone from its third
// directory on, until it looks at a file again.
const (
	namesAfter = 2
	// namesAgain is how many directories somebody lists who looked at a file,
	// until the next is the test whether that still holds.
	namesAgain = 64
	// namesMost is the most entries of a directory that is listed by names
	// alone: the kernel may keep them, and then asks for each file by itself.
	namesMost = 64
	// callersKnown is how many threads are told apart.
	callersKnown = 128
)

// interest remembers what callers do with the directories that they list.
type interest struct {
	mu      sync.Mutex
	callers *simplelru.LRU[uint32, *caller] // by thread
}

type caller struct {
	listed int  // directories, since it looked at a file
	looks  bool // it has looked at a file of the directories before
}

func newInterest() *interest {
	callers, err := simplelru.NewLRU[uint32, *caller](callersKnown, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &interest{callers: callers}
}

// lists is told of each directory that is listed, and says whether the caller
// is to have the attributes of its files too.
func (i *interest) lists(ctx context.Context) (attributes bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.callerLocked(ctx)
	c.listed++
	if c.listed > namesAgain {
		c.looks = false
	}
	return c.looks || c.listed <= namesAfter
}

// looks is told of each file that is looked up.
func (i *interest) looks(ctx context.Context) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.callerLocked(ctx)
	c.listed, c.looks = 0, true
}

func (i *interest) callerLocked(ctx context.Context) *caller {
	var thread uint32
	if from, ok := fuse.FromContext(ctx); ok {
		thread = from.Pid
	}
	c, ok := i.callers.Get(thread)
	if !ok {
		c = &caller{}
		i.callers.Add(thread, c)
	}
	return c
}
