package anchor

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/internal/accesslog"
)

// Times of publishing.
const (
	publishEvery    = time.Minute
	publishPatience = 30 * time.Second
	farewell        = 10 * time.Second // for all anchors, at the end
	afterFarewell   = 2 * time.Second  // for those that don't notice that it is over
)

// Publisher sends checkpoints to the anchors, each on its own, so that nobody waits
// for them.
type Publisher struct {
	anchors []Anchor
	log     *slog.Logger

	mu       sync.Mutex
	size     int64
	text     []byte
	failures uint64
	taken    []accesslog.AnchorStatus // by each anchor

	grown   []chan struct{} // one for each anchor
	running []atomic.Bool   // likewise
	stopped chan struct{}
	ctx     context.Context // of the workers
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

// NewPublisher returns one that sends nothing before Start. What anchors refuse is
// told to log.
func NewPublisher(anchors []Anchor, log *slog.Logger) *Publisher {
	p := &Publisher{anchors: anchors, log: log, stopped: make(chan struct{}), running: make([]atomic.Bool, len(anchors)), taken: make([]accesslog.AnchorStatus, len(anchors))}
	for range anchors {
		p.grown = append(p.grown, make(chan struct{}, 1))
	}
	return p
}

// Offer says what the newest checkpoint is.
func (p *Publisher) Offer(size int64, text []byte) {
	if len(p.anchors) == 0 || size == 0 {
		return
	}
	p.mu.Lock()
	grown := size > p.size
	if grown {
		p.size, p.text = size, text
	}
	p.mu.Unlock()
	if grown {
		for _, c := range p.grown {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

// Start begins to send what is offered.
func (p *Publisher) Start() {
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for i, a := range p.anchors {
		p.running[i].Store(true)
		p.workers.Go(func() {
			defer p.running[i].Store(false)
			p.serve(p.ctx, i, a)
		})
	}
}

// Stop sends the newest checkpoint where it is not known yet. It waits for an anchor
// that hangs until farewell is over and a moment longer, says which one it is, and leaves it.
func (p *Publisher) Stop() {
	close(p.stopped)
	timer := time.AfterFunc(farewell, p.cancel)
	defer timer.Stop()
	defer p.cancel()
	done := make(chan struct{})
	go func() {
		p.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-p.ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(afterFarewell):
		for i, a := range p.anchors {
			if p.running[i].Load() {
				p.log.Error("an anchor hangs, and is left: it may lack the access log's last checkpoint", "anchor", a.Name())
			}
		}
	}
}

// serve publishes to one anchor, at most once in publishEvery.
func (p *Publisher) serve(ctx context.Context, i int, a Anchor) {
	var (
		known   int64 // records of the last checkpoint that it has
		pause   <-chan time.Time
		failing bool
	)
	for ended := false; !ended; {
		if pause == nil {
			select {
			case <-p.grown[i]:
			case <-p.stopped:
				ended = true
			}
		} else {
			select {
			case <-pause:
			case <-p.stopped:
				ended = true
			}
		}
		pause = nil
		p.mu.Lock()
		size, text := p.size, p.text
		p.mu.Unlock()
		if size == known {
			continue
		}
		pause = time.After(publishEvery)
		err := p.publish(ctx, a, text)
		if err == nil {
			known = size
			p.took(i, size)
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				p.log.Error("an anchor does not take the access log's checkpoint; it is tried again", "anchor", a.Name(), "error", err)
			} else {
				p.log.Warn("an anchor takes the access log's checkpoints again", "anchor", a.Name())
			}
		}
	}
}

// publish sends one checkpoint, and survives an anchor that panics.
func (p *Publisher) publish(ctx context.Context, a Anchor, text []byte) (err error) {
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if err != nil {
			p.mu.Lock()
			p.failures++
			p.mu.Unlock()
		}
	}()
	return a.Publish(ctx, text)
}

// Status returns what each anchor has.
func (p *Publisher) Status() []accesslog.AnchorStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]accesslog.AnchorStatus, len(p.anchors))
	for i, a := range p.anchors {
		all[i] = p.taken[i]
		all[i].Name = a.Name()
	}
	return all
}

// took notes that an anchor has a checkpoint.
func (p *Publisher) took(i int, records int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[i] = accesslog.AnchorStatus{Records: records, Taken: time.Now().UTC()}
}
