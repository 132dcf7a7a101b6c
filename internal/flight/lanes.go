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
	life context.Context
	held func() bool

	mu     sync.Mutex
	free   int
	urgent []*ticket // first come, first served
	idle   []*ticket
	waited int // tasks that somebody waits for
}

// NewLanes returns n lanes whose tasks end with life. While held returns true
// no speculative work is begun; nil means never.
func NewLanes(life context.Context, n int, held func() bool) *Lanes {
	if held == nil {
		held = func() bool { return false }
	}
	return &Lanes{life: life, held: held, free: n}
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

// Through makes a call once there is a lane for it.
func (l *Lanes) Through(t *Task, call func() error) error {
	if err := l.acquire(t); err != nil {
		return err
	}
	defer l.give()
	return call()
}

// acquire waits for a lane; whoever got one gives it back.
func (l *Lanes) acquire(t *Task) error {
	l.mu.Lock()
	if t.ctx.Err() == nil && l.free > 0 {
		l.free--
		l.mu.Unlock()
		return nil
	}
	k := &ticket{task: t, mine: make(chan struct{})}
	if t.urgent {
		l.urgent = append(l.urgent, k)
	} else {
		l.idle = append(l.idle, k)
	}
	l.mu.Unlock()

	select {
	case <-k.mine:
		return nil
	case <-t.ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-k.mine: // handed over just now
		l.giveLocked()
	default:
		is := func(other *ticket) bool { return other == k }
		l.urgent = slices.DeleteFunc(l.urgent, is)
		l.idle = slices.DeleteFunc(l.idle, is)
	}
	return t.ctx.Err()
}

func (l *Lanes) give() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveLocked()
}

func (l *Lanes) giveLocked() {
	for _, queue := range []*[]*ticket{&l.urgent, &l.idle} {
		if len(*queue) > 0 {
			k := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			close(k.mine)
			return
		}
	}
	l.free++
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
	l.idle = slices.DeleteFunc(l.idle, func(k *ticket) bool {
		if k.task != t {
			return false
		}
		l.urgent = append(l.urgent, k)
		return true
	})
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
