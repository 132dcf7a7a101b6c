package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// touchSeconds is how stale the time of an object's last use on disk may
	// get while it is in use: what the LRU order loses at most in a crash.
	touchSeconds = 5 * 60
	// loadPatience is how long a write waits for the index to be loaded
	// before it does without the disk.
	loadPatience = 2 * time.Second
)

// Options says where a cache is and how it is kept.
type Options struct {
	// Dir is the cache's own directory. It is made if it is missing.
	Dir string
	// Limit is the number of bytes, as du counts them, that the directory
	// may take on disk. About 1 MiB of it goes to the directories themselves.
	Limit int64
	// MinFree is the fraction of the file system, 0 to 1, that writes leave free.
	MinFree float64
	// Secrets open what they sealed; the first one seals. Objects sealed with a
	// secret that is not among them take room until SweepForeign. At most 255.
	Secrets [][]byte
	// Ephemeral seals with a key that exists in memory alone, in place of
	// Secrets: Close erases every object, and after a crash the next start does.
	// The directory is marked as one of this kind; Open refuses one that is not.
	Ephemeral bool
	// Beside is where the same user's cache of the other kind of key is, if there
	// is one: a purge counts the objects in it, and proves nothing if it has any.
	Beside string
	// MaxAge is how long after Commit an object is erased; 0 means never. An
	// object from the future is as good as erased: its age is not known.
	MaxAge time.Duration
	// Logger gets a line for every damaged object and every change of the
	// disk's state; nil discards.
	Logger *slog.Logger
	// Now is the clock that objects are stored and aged by; nil means time.Now.
	Now func() time.Time
	// TempDir is where large objects that do not fit are kept, sealed and
	// unlinked, while they are being read; "" means the system's, or, if that is
	// in memory, a disk: /var/tmp or that of Dir.
	TempDir string
}

// Cache is a sealed, bounded cache in a directory. See the package comment.
type Cache struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	rand    io.Reader
	secrets []*secret
	block   int64 // the file system's block size, bytes

	dir    atomic.Pointer[directory]
	index  *index
	health *health
	budget *budget

	ctx  context.Context
	stop context.CancelFunc
	wake chan struct{} // keep has something to do
	wg   sync.WaitGroup

	proven atomic.Bool // objects of other secrets may be removed
	unsure bool        // one of the secrets may be mistyped

	temps, hits, misses, damaged atomic.Int64
}

// Open opens or makes the cache in opts.Dir, locks it, and loads its index in
// the background. What it refuses it says in an *OpenError.
func Open(opts Options) (*Cache, error) {
	if opts.Limit <= 0 {
		return nil, errors.New("cache: the limit must be positive")
	}
	if opts.MinFree < 0 || opts.MinFree >= 1 {
		return nil, errors.New("cache: the fraction to leave free must be at least 0 and below 1")
	}
	c := &Cache{opts: opts, log: opts.Logger, now: opts.Now, rand: rand.Reader, index: newIndex(opts.Limit), budget: newBudget(opts.Limit), wake: make(chan struct{}, 1)}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if err := c.deriveSecrets(); err != nil {
		return nil, err
	}
	d, err := openDirectory(opts.Dir, formatOf(opts.Ephemeral))
	if err != nil {
		return nil, err
	}
	c.dir.Store(d)
	c.health = newHealth(c)
	c.block = blockSize(d)
	c.ctx, c.stop = context.WithCancel(context.Background())
	if err := c.prepare(d); err != nil {
		d.close()
		return nil, &OpenError{Dir: d.path, Err: err}
	}
	c.unsure = c.uncertain(d)
	c.proven.Store(opts.Ephemeral) // nothing else is ever in such a directory
	c.spawn("keep", c.keep)
	c.spawn("probe", c.health.run)
	return c, nil
}

func (c *Cache) deriveSecrets() error {
	secrets := c.opts.Secrets
	if c.opts.Ephemeral {
		key := make([]byte, keySize)
		if _, err := io.ReadFull(c.rand, key); err != nil {
			return fmt.Errorf("cache: make a key: %w", err)
		}
		secrets = [][]byte{key}
	}
	if len(secrets) == 0 || len(secrets) > 255 {
		return errors.New("cache: between 1 and 255 secrets are needed")
	}
	for _, b := range secrets {
		if len(b) == 0 {
			return errors.New("cache: an empty secret")
		}
		s, err := newSecret(b)
		if err != nil {
			return fmt.Errorf("cache: derive keys: %w", err)
		}
		c.secrets = append(c.secrets, s)
	}
	c.opts.Secrets = nil
	return nil
}

// spawn runs f until it returns; Close cancels c.ctx and waits for it.
func (c *Cache) spawn(what string, f func()) {
	c.wg.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				c.log.Error("cache: panic in the background", "in", what, "panic", r)
			}
		}()
		f()
	})
}

// Close stops the background work and unlocks the directory. Objects that are
// open can be read on; a Writer that is still at work ends up outside the
// cache. An ephemeral cache is erased.
func (c *Cache) Close() error {
	c.index.mu.Lock()
	was := c.index.closed
	c.index.closed = true
	c.index.changed.Broadcast()
	c.index.mu.Unlock()
	if was {
		return nil
	}
	c.stop()
	c.wg.Wait()
	d := c.dir.Load()
	var err error
	if c.opts.Ephemeral {
		for _, s := range c.secrets {
			err = errors.Join(err, d.root.RemoveAll(s.dir))
		}
		err = errors.Join(err, d.sync("."))
	}
	d.close()
	if err != nil {
		return fmt.Errorf("cache: close: %w", err)
	}
	return nil
}

// Stats is a snapshot of a cache's state and of what happened since Open.
type Stats struct {
	Objects   int64 // in the cache; what is known so far while Loading
	Pinned    int64 // of them, pinned
	Open      int64 // files held open by readers
	Bytes     int64 // on disk, reservations and directories included
	Limit     int64
	Foreign   int64 // objects of secrets that are not configured; they take room, too
	Memory    int64 // bytes of objects that are kept in memory because they are not on disk
	Spilled   int64 // bytes that unlinked temporary files may take for the same reason
	Hits      int64
	Misses    int64
	Evictions int64
	Damaged   int64 // objects deleted because they did not authenticate
	Loading   bool  // the index is not complete yet
	Bypassed  bool  // the disk is sick and left alone
}

// Stats returns the counters. It costs no I/O.
func (c *Cache) Stats() Stats {
	x := c.index
	x.mu.Lock()
	s := Stats{
		Objects: int64(x.objects.Len() + len(x.pinned)), Pinned: int64(len(x.pinned)),
		Open: int64(len(x.open)), Bytes: x.used, Limit: x.limit, Evictions: x.evictions, Loading: x.loading,
	}
	for _, n := range x.foreign {
		s.Foreign += n
	}
	x.mu.Unlock()
	s.Hits, s.Misses, s.Damaged = c.hits.Load(), c.misses.Load(), c.damaged.Load()
	s.Memory, s.Spilled = c.budget.used()
	s.Bypassed = c.health.sick()
	return s
}
