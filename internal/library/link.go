package library

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"veriffs/veriff"
)

// While the API is out of reach it is probed at growing intervals.
const (
	probeFirst   = time.Second
	probeLongest = 30 * time.Second
	probeTimeout = 5 * time.Second
)

// link is whether the API can be reached. After a call that could not reach
// it, others fail at once until a probe gets an answer, so that an analyst
// without a network is told so within a second and cached files stay quick.
type link struct {
	probe func(context.Context) error
	spawn func(func())
	life  context.Context
	log   *slog.Logger

	mu   sync.Mutex
	down error // why, nil while the API is in reach
}

// check returns ErrOffline, with the reason, while the API is out of reach.
func (k *link) check() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down != nil {
		return fmt.Errorf("%w: %w", ErrOffline, k.down)
	}
	return nil
}

// report takes the outcome of a call into account.
func (k *link) report(err error) {
	if !errors.Is(err, veriff.ErrUnreachable) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down != nil || k.life.Err() != nil {
		return
	}
	k.down = err
	k.log.Warn("the API can't be reached: what is in the cache keeps working", "error", err)
	k.spawn(k.watch)
}

// watch probes until the API answers, whatever its answer.
func (k *link) watch() {
	for pause := probeFirst; ; pause = min(2*pause, probeLongest) {
		select {
		case <-k.life.Done():
			return
		case <-time.After(pause):
		}
		ctx, cancel := context.WithTimeout(k.life, probeTimeout)
		err := k.probe(ctx)
		cancel()
		if errors.Is(err, veriff.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) || k.life.Err() != nil {
			continue
		}
		k.mu.Lock()
		k.down = nil
		k.mu.Unlock()
		k.log.Info("the API can be reached again")
		return
	}
}
