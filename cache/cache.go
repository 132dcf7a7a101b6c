package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/cache/directory"
	"veriffs/cache/health"
	"veriffs/cache/seal"
	"veriffs/cache/spill"
)

// Key is what the caller calls an object, for example "media/<uuid>": 1 to
// seal.MaxKey bytes. It never reaches the disk in clear.
type Key = seal.Key

// OpenError says why a directory can't be used as a cache, and what to do.
type OpenError = directory.OpenError

// ErrLocked says that another process uses the directory. Package directory
// has the other reasons for an *OpenError.
var ErrLocked = directory.ErrLocked

// Spilled files together take a quarter of the cache's limit, and at least a GiB,
// so that a small cache still serves long films.
const (
	spillShare = 4
	spillLeast = 1 << 30
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
	// secret that is not among them take room until SweepForeign. At most 255; one
	// that is given twice counts once.
	Secrets [][]byte
	// Ephemeral seals with a key that exists in memory alone, in place of
	// Secrets: Close erases every object, and after a crash the next start does.
	// The directory is marked as one of this kind; Open refuses one that is not.
	Ephemeral bool
	// Beside is where the same user's cache of the other kind of key is, if there
	// is one: a purge counts the objects in it, and proves nothing if it has any.
	Beside string
	// MaxAge is how long after Commit an object is erased; 0 means never. An
	// object from the future, whose age is not known, counts as too old.
	MaxAge time.Duration
	// Damaged is told of every object that was deleted because it was damaged, by its
	// name in the log, and by its key if that is known. It must return quickly and
	// must not call the cache; nil: nobody.
	Damaged func(object string, k Key, why error)
	// Logger gets a line for every damaged object and every change of the
	// disk's state; nil discards.
	Logger *slog.Logger
	// Now is the clock that objects are stored and aged by; nil means time.Now.
	Now func() time.Time
}

// Cache is a sealed, bounded cache in a directory. See the package comment.
type Cache struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	rand    io.Reader
	secrets []*seal.Secret
	shared  []*seal.Shared // of secrets

	store  atomic.Pointer[store]
	disk   *health.Disk
	spills *spill.Room

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	upkeep *upkeep
	closed atomic.Bool
	counts counters
}

// Open opens or makes the cache in opts.Dir, locks it, and loads its index in
// the background. If it refuses the directory it fails with an *OpenError.
func Open(opts Options) (*Cache, error) {
	if opts.Limit <= 0 {
		return nil, errors.New("cache: the limit must be positive")
	}
	if opts.MinFree < 0 || opts.MinFree >= 1 {
		return nil, errors.New("cache: the fraction to leave free must be at least 0 and below 1")
	}
	c := &Cache{opts: opts, log: opts.Logger, now: opts.Now, rand: rand.Reader}
	c.upkeep = newUpkeep(c)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if c.secrets, err = secretsOf(opts); err != nil {
		return nil, err
	}
	if c.shared, err = seal.SharedOf(c.secrets); err != nil {
		return nil, fmt.Errorf("cache: derive keys: %w", err)
	}
	c.opts.Secrets = nil
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.disk = health.New(c.ctx, c.log, errNoRoom)
	c.spills = spill.NewRoom(c.ctx, max(opts.Limit/spillShare, spillLeast),
		func(size int64) (*os.File, error) { return c.store.Load().ownSpill(size) })
	d, err := directory.Open(opts.Dir, opts.Ephemeral)
	if err != nil {
		return nil, err
	}
	st, err := newStore(c, d)
	if err != nil {
		d.Close()
		return nil, &OpenError{Dir: d.Path(), Err: err}
	}
	c.store.Store(st)
	c.upkeep.proven.Store(opts.Ephemeral) // nothing else is ever in such a directory
	c.spawn("upkeep", c.upkeep.run)
	c.spawn("probe", func() { c.disk.Run(c.probe, c.upkeep.nudge) })
	return c, nil
}

func secretsOf(opts Options) ([]*seal.Secret, error) {
	given := opts.Secrets
	if opts.Ephemeral {
		key := make([]byte, 32)
		rand.Read(key)
		given = [][]byte{key}
	}
	secrets, err := seal.NewSecrets(given)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return secrets, nil
}

// spawn runs f in the background. Close cancels c.ctx and waits for f.
func (c *Cache) spawn(what string, f func()) {
	c.wg.Go(func() {
		if err := guard(func() error { f(); return nil }); err != nil {
			c.log.Error("cache: background work ended", "work", what, "error", err)
		}
	})
}

// guard runs f and returns a panic as an error. See the package comment.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// Close stops the background work and unlocks the directory. Open objects can
// still be read; a Writer that is still at work ends up outside the cache. An
// ephemeral cache is erased.
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.stop()
	c.store.Load().index.Close() // or the background work may wait for room
	c.wg.Wait()
	st := c.store.Load()
	var err error
	if c.opts.Ephemeral {
		err = errors.Join(st.dir.RemoveAll(c.secrets[0].Dir()), st.dir.Sync("."))
	}
	if err = errors.Join(err, st.close()); err != nil {
		return fmt.Errorf("cache: close: %w", err)
	}
	return nil
}
