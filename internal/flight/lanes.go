package flight

import (
	"context"
	"slices"
	"sync"
	"time"
)

// keepFree is how long a lane is kept free. Somebody who looks at pictures while others
// read ahead opens several in a minute; reading ahead is a sixteenth slower meanwhile.
const keepFree = time.Minute

// Lanes share a number of connections between those who wait and those who
// don't. Work that somebody waits for goes first, speculative work gets what
// is left. Nothing under way is interrupted for something more urgent. So that nobody has
// to wait for that often, a lane is kept free of speculative work for a while after
// somebody had to whose work had not been foreseen.
type Lanes struct {
	*Pool // the lanes that there always are
	life  context.Context
	held  func() bool

	mu     sync.Mutex
	pools  []*Pool
	waited int // tasks that somebody waits for
}

// Pool is a number of lanes to one place. What is urgent in one pool of Lanes is so in
// all of them.
type Pool struct {
	lanes *Lanes

	ahead func() int // how many lanes speculative work may have

	// Guarded by lanes.mu.
	free   int
	taken  int       // by speculative work
	keep   time.Time // until then the last free lane is not for speculative work
	urgent []*ticket // first come, first served
	idle   []*ticket
}

// NewLanes returns n lanes whose tasks end with life. While held returns true
// no speculative work is begun; nil means never.
func NewLanes(life context.Context, n int, held func() bool) *Lanes {
	if held == nil {
		held = func() bool { return false }
	}
	l := &Lanes{life: life, held: held}
	l.Pool = l.More(n, nil)
	return l
}

// More returns n lanes to another place, for the same tasks. Speculative work gets one
// while it has fewer than ahead returns; nil means n.
func (l *Lanes) More(n int, ahead func() int) *Pool {
	if ahead == nil {
		ahead = func() int { return n }
	}
	p := &Pool{lanes: l, free: n, ahead: ahead}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pools = append(l.pools, p)
	return p
}

// Task is one piece of work. It is urgent from the moment that somebody waits
// for its result.
type Task struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	urgent bool          // guarded by Lanes.mu
	sudden bool          // urgent from the start
	waited chan struct{} // closed once urgent
}

// Context ends when the task is given up or stopped, and with the lanes' life.
func (t *Task) Context() context.Context { return t.ctx }

// Waited is closed once somebody waits for the result.
func (t *Task) Waited() <-chan struct{} { return t.waited }

type ticket struct {
	task  *Task
	mine  chan struct{} // closed when a lane is its
	ahead bool          // it was speculative then
}

func (l *Lanes) begin(urgent bool) *Task {
	t := &Task{waited: make(chan struct{}), sudden: urgent}
	t.ctx, t.cancel = context.WithCancelCause(l.life)
	if urgent {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.urgeLocked(t)
	}
	return t
}

func (l *Lanes) urgeLocked(t *Task) {
	t.urgent = true
	close(t.waited)
	l.waited++
}

func (l *Lanes) end(t *Task) {
	t.cancel(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.urgent {
		l.waited--
	}
}

// Through makes a call once there is a lane for it. It does not wait for one beyond the
// end of ctx or of the task.
func (p *Pool) Through(ctx context.Context, t *Task, call func() error) error {
	k, err := p.acquire(ctx, t)
	if err != nil {
		return err
	}
	defer p.give(k)
	return call()
}

// acquire waits for a lane; whoever got one gives it back.
func (p *Pool) acquire(ctx context.Context, t *Task) (*ticket, error) {
	mu := &p.lanes.mu
	k := &ticket{task: t, mine: make(chan struct{})}
	mu.Lock()
	if t.urgent {
		p.urgent = append(p.urgent, k)
		if t.sudden && p.free == 0 && p.taken > 0 {
			p.keep = time.Now().Add(keepFree)
		}
	} else {
		p.idle = append(p.idle, k)
	}
	if t.ctx.Err() == nil && ctx.Err() == nil {
		p.serveLocked()
	}
	mu.Unlock()

	var err error
	select {
	case <-k.mine:
		return k, nil
	case <-t.ctx.Done():
		err = t.ctx.Err()
	case <-ctx.Done():
		err = ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case <-k.mine: // handed over just now
		p.giveLocked(k)
	default:
		is := func(other *ticket) bool { return other == k }
		p.urgent = slices.DeleteFunc(p.urgent, is)
		p.idle = slices.DeleteFunc(p.idle, is)
	}
	return nil, err
}

func (p *Pool) give(k *ticket) {
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	p.giveLocked(k)
}

func (p *Pool) giveLocked(k *ticket) {
	p.free++
	if k.ahead {
		p.taken--
	}
	p.serveLocked()
}

// serveLocked hands free lanes over to those who wait.
func (p *Pool) serveLocked() {
	for p.free > 0 {
		queue, ahead := &p.urgent, false
		if len(p.urgent) == 0 {
			queue, ahead = &p.idle, true
		}
		if len(*queue) == 0 || ahead && (p.taken >= p.ahead() || p.keptLocked()) {
			return
		}
		k := (*queue)[0]
		*queue = slices.Delete(*queue, 0, 1)
		if k.ahead = ahead; ahead {
			p.taken++
		}
		p.free--
		close(k.mine)
	}
}

// keptLocked reports whether the next lane is kept for somebody who waits. If no
// speculative work is under way it is not: a pool may have one lane alone.
func (p *Pool) keptLocked() bool {
	return p.free == 1 && p.taken > 0 && time.Now().Before(p.keep)
}

// raise makes a task urgent, because somebody waits for it now. It reports
// false if the task was given up already.
func (l *Lanes) raise(t *Task) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.ctx.Err() != nil {
		return false
	}
	if t.urgent {
		return true
	}
	l.urgeLocked(t)
	for _, p := range l.pools {
		p.idle = slices.DeleteFunc(p.idle, func(k *ticket) bool {
			if k.task != t {
				return false
			}
			p.urgent = append(p.urgent, k)
			return true
		})
		p.serveLocked()
	}
	return true
}

// Busy reports whether somebody waits for anything.
func (l *Lanes) Busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waited > 0
}

// GiveUp ends a task unless somebody waits for it.
func (l *Lanes) GiveUp(t *Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.urgent {
		t.cancel(nil)
	}
}
