package flight

import (
	"context"
	"slices"
	"sync"
)

// Lanes share a number of connections between those who wait and those who
// don't. Work that somebody waits for goes first, speculative work gets what
// is left. Nothing under way is interrupted for something more urgent.
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

	// Guarded by lanes.mu.
	free   int
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
	l.Pool = l.More(n)
	return l
}

// More returns n lanes to another place, for the same tasks.
func (l *Lanes) More(n int) *Pool {
	p := &Pool{lanes: l, free: n}
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
	urgent bool // guarded by Lanes.mu
}

// Context ends when the task is given up or stopped, and with the lanes' life.
func (t *Task) Context() context.Context { return t.ctx }

type ticket struct {
	task *Task
	mine chan struct{} // closed when a lane is its
}

func (l *Lanes) begin(urgent bool) *Task {
	t := &Task{urgent: urgent}
	t.ctx, t.cancel = context.WithCancelCause(l.life)
	if urgent {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waited++
	}
	return t
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
	if err := p.acquire(ctx, t); err != nil {
		return err
	}
	defer p.give()
	return call()
}

// acquire waits for a lane; whoever got one gives it back.
func (p *Pool) acquire(ctx context.Context, t *Task) error {
	mu := &p.lanes.mu
	mu.Lock()
	if t.ctx.Err() == nil && ctx.Err() == nil && p.free > 0 {
		p.free--
		mu.Unlock()
		return nil
	}
	k := &ticket{task: t, mine: make(chan struct{})}
	if t.urgent {
		p.urgent = append(p.urgent, k)
	} else {
		p.idle = append(p.idle, k)
	}
	mu.Unlock()

	var err error
	select {
	case <-k.mine:
		return nil
	case <-t.ctx.Done():
		err = t.ctx.Err()
	case <-ctx.Done():
		err = ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case <-k.mine: // handed over just now
		p.giveLocked()
	default:
		is := func(other *ticket) bool { return other == k }
		p.urgent = slices.DeleteFunc(p.urgent, is)
		p.idle = slices.DeleteFunc(p.idle, is)
	}
	return err
}

func (p *Pool) give() {
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	p.giveLocked()
}

func (p *Pool) giveLocked() {
	for _, queue := range []*[]*ticket{&p.urgent, &p.idle} {
		if len(*queue) > 0 {
			k := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			close(k.mine)
			return
		}
	}
	p.free++
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
	t.urgent = true
	l.waited++
	for _, p := range l.pools {
		p.idle = slices.DeleteFunc(p.idle, func(k *ticket) bool {
			if k.task != t {
				return false
			}
			p.urgent = append(p.urgent, k)
			return true
		})
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
