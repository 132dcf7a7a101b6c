package cache

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/health"
	"veriffs/cache/hold"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// store is the objects in one directory, and the index of them. If the
// directory is replaced while the cache is open, another store takes its place.
type store struct {
	dir     *directory.Directory
	index   *index.Index
	recent  *seal.Recent // what Get has opened
	secrets []*seal.Secret
	foreign foreign // what other secrets left
	disk    *health.Disk
	log     *slog.Logger
	counts  *counters
	told    func(object string, k Key, why error) // of damage; may be nil
	holds   *hold.Records
	minFree float64 // the fraction of the file system that writes leave free
}

// counters are what happened since Open.
type counters struct {
	hits, misses, evictions, damaged atomic.Int64
}

// newStore counts the directories in d and reads which objects are held and which
// are pinned: what can't wait until the index is loaded.
func newStore(c *Cache, d *directory.Directory) (*store, error) {
	st := &store{
		dir: d, index: index.New(c.opts.Limit), recent: seal.NewRecent(), secrets: c.secrets, disk: c.disk,
		log: c.log, counts: &c.counts, told: c.opts.Damaged, minFree: c.opts.MinFree,
	}
	st.foreign = foreign{dir: d, index: st.index, secrets: c.secrets, log: c.log}
	names, err := d.Names(".")
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, ".") {
		if !directory.IsTag(name) {
			st.measure(name)
		}
	}
	if err := st.loadHolds(); err != nil {
		return nil, err
	}
	return st, st.loadPins()
}

func (st *store) close() error {
	st.index.Close()
	st.recent.Clear()
	return st.dir.Close()
}

var (
	errMiss    = errors.New("not in the cache")
	errRaced   = errors.New("replaced while it was being opened")
	errNotFile = errors.New("not a regular file")
)

// open opens the object of a name. Whatever can't be had is errMiss; what is
// damaged is deleted.
func (st *store) open(si uint8, n seal.Name, k Key) (*directory.File, index.Entry, *seal.Header, error) {
	was, known, loading := st.index.Lookup(n)
	if !known && !loading || st.disk.Unreadable() {
		return nil, index.Entry{}, nil, errMiss
	}
	f, e, h, err := st.openFile(si, n, st.recent)
	switch {
	case err == nil:
		return f, e, h, nil
	case errors.Is(err, fs.ErrNotExist):
		if known {
			_ = st.remove(si, n, was.Inode) // somebody else did: forget it
		}
	case errors.Is(err, errNotFile), errors.Is(err, seal.ErrSeal):
		_ = st.discard(si, n, k, e.Inode, err)
	default:
		st.disk.Fault(err, true)
	}
	return nil, e, nil, errMiss
}

// openFile opens the file of a name and reads its header, unless known has that.
func (st *store) openFile(si uint8, n seal.Name, known *seal.Recent) (_ *directory.File, e index.Entry, _ *seal.Header, err error) {
	path := st.secrets[si].Path(n)
	// Without O_NONBLOCK a pipe of this name would block us.
	f, err := st.dir.OpenRead(path, unix.O_NONBLOCK)
	if err != nil {
		if info, lerr := st.dir.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
			err = errNotFile
		}
		return nil, e, nil, err
	}
	e, v, err := stat(st.dir, f.Fd(), si)
	var h *seal.Header
	if err == nil {
		h, err = known.Header(f, v, st.secrets[si], n)
	}
	if err != nil {
		f.Close()
		return nil, e, nil, err
	}
	return f, e, h, nil
}

// measure counts the blocks of a directory itself, which grows with its entries.
func (st *store) measure(rel string) {
	if bytes, err := st.dir.Use(rel); err == nil {
		st.index.SetDir(rel, 0, bytes)
	}
}
