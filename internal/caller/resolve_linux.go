package caller

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"veriffs/internal/accesslog"
)

// keptThreads bounds the threads of which files are kept open, six each.
const keptThreads = 64

// Resolver describes callers. Make one with New.
type Resolver struct {
	arguments bool
	blind     bool // /proc tells nothing, or of another pid namespace

	mu     sync.Mutex
	closed bool
	kept   *simplelru.LRU[uint32, *thread] // none of them is in use
}

// New returns a Resolver. Close it at the end.
func New(o Options) *Resolver {
	kept, err := simplelru.NewLRU[uint32, *thread](keptThreads, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	r := &Resolver{arguments: o.Arguments, kept: kept}
	if err := ownProc(); err != nil {
		r.blind = true
		if o.Logger != nil {
			o.Logger.Warn("the access log can't name programs", "error", err)
		}
	}
	return r
}

// ownProc fails unless /proc numbers processes as the kernel does for this one. A
// /proc of an outer pid namespace gives a process the numbers of all namespaces
// from there to its own.
func ownProc() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if ids := strings.Fields(field(status, "NSpid")); len(ids) != 1 || ids[0] != strconv.Itoa(os.Getpid()) {
		return errors.New("/proc is that of another pid namespace")
	}
	return nil
}

// Resolve describes the caller with this thread id, which is that of the header of
// a FUSE request or a process id. The caller must be waiting for an answer, so that
// it lives. uid and gid are passed on. Without a thread (0), the caller is outside
// of this pid namespace.
func (r *Resolver) Resolve(id, uid, gid uint32) accesslog.Caller {
	if id == 0 || r.blind {
		return unknown(id, uid, gid, r.arguments)
	}
	of := accesslog.Caller{TID: id, UID: uid, GID: gid}
	if t := r.take(id); t != nil {
		if c, alive := t.describe(of, r.arguments); alive {
			r.keep(t)
			return c
		}
		t.close() // it has ended, and another one has its id
	}
	t, err := openThread(id)
	if err != nil {
		return unknown(id, uid, gid, r.arguments)
	}
	c, alive := t.describe(of, r.arguments)
	if !alive { // nor does it wait for an answer
		t.close()
		return unknown(id, uid, gid, r.arguments)
	}
	r.keep(t)
	return c
}

// take returns what is kept of a thread, for the caller alone.
func (r *Resolver) take(id uint32) *thread {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, _ := r.kept.Peek(id)
	r.kept.Remove(id)
	return t
}

// keep gives back what take or openThread returned.
func (r *Resolver) keep(t *thread) {
	r.mu.Lock()
	var gone *thread
	switch {
	case r.closed || !t.checks() || r.kept.Contains(t.id):
		gone = t
	case r.kept.Len() == keptThreads:
		_, gone, _ = r.kept.RemoveOldest()
		fallthrough
	default:
		r.kept.Add(t.id, t)
	}
	r.mu.Unlock()
	if gone != nil {
		gone.close()
	}
}

// Close closes what is kept open. Callers can still be described.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	kept := r.kept.Values()
	r.kept.Purge()
	r.mu.Unlock()
	for _, t := range kept {
		t.close()
	}
}
