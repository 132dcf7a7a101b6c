package veriff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// maxTries bounds the tries of a call.
	maxTries = 4
	// backoffFirst is the longest that the first pause takes. It doubles, so
	// that all three take a second at most and being offline shows soon.
	backoffFirst = 150 * time.Millisecond
)

// errPatience is the cause of a call's end when its patience is over.
var errPatience = errors.New("out of patience")

// call is one call of the API over all its tries. It is used by one goroutine
// but for timers, which only cancel.
type call struct {
	client   *Client
	resource resource
	id       string
	accept   func(*http.Response) error // consumes and judges the body of a 200

	req      *http.Request
	ctx      context.Context // ends with the caller's, or patience
	patience *patience

	try     int // 1 for the first
	sent    time.Time
	reach   reach // how far the last request got
	hedged  bool  // one of its requests was sent twice
	lastErr error // of the last try that was not cancelled

	answersBefore int64 // that the client had got when the call began
}

// do asks for a resource until there is a final verdict: wait for a turn, send,
// judge, pause, again. It holds a connection only from sending to verdict.
func (c *Client) do(ctx context.Context, r resource, id string, accept func(*http.Response) error) error {
	callCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &call{
		client: c, resource: r, id: id, accept: accept, ctx: callCtx, answersBefore: c.Answers(),
		patience: newPatience(c.patience, func() { cancel(errPatience) }),
	}
	if err := a.prepare(); err != nil {
		return a.failed(ctx, err)
	}
	for {
		if err := a.admit(); err != nil {
			return a.failed(ctx, err)
		}
		v := a.attempt()
		if v.err == nil {
			return nil
		}
		if v.outcome != outcomeCancelled {
			a.lastErr = v.err
		}
		if !v.retry || a.try == maxTries || !a.pause() {
			return a.failed(ctx, v.err)
		}
	}
}

// admit waits for a free connection and for the request rate, which costs no
// patience. It fails at once while requests are held back.
func (a *call) admit() error {
	c := a.client
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if err := c.throttle.check(a.key()); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
	err := c.rate.Wait(a.ctx)
	switch {
	case err == nil:
		err = c.throttle.check(a.key()) // again: that took time
	case a.ctx.Err() != nil:
		err = a.ctx.Err()
	case a.lastErr != nil:
		err = a.lastErr
	default:
		err = fmt.Errorf("%w: the configured request rate leaves no room before the deadline", ErrRateLimited)
	}
	if err != nil {
		<-c.slots
	}
	return err
}

// attempt sends one request, judges the outcome, counts and logs it, and gives
// back the connection that admit has claimed.
func (a *call) attempt() verdict {
	c := a.client
	defer func() { <-c.slots }()
	a.try++
	a.sent = time.Now()
	// The call is its own transport: it hedges, and watches the body.
	resp, err := (&http.Client{Transport: a, CheckRedirect: c.checkRedirect}).Do(a.req)
	var v verdict
	if err != nil {
		v = a.judgeFailure(err)
	} else {
		defer resp.Body.Close()
		v = a.judge(resp)
	}
	c.stats.count(a.resource.name, v.outcome)
	c.log.LogAttrs(a.ctx, slog.LevelDebug, "veriff: request",
		slog.String("method", http.MethodGet), slog.String("kind", a.resource.name), slog.String("id", a.id),
		slog.Int("try", a.try), slog.Int("status", v.status), slog.String("outcome", v.outcome),
		slog.Duration("took", time.Since(a.sent)))
	return v
}

// prepare makes the request that all tries send.
func (a *call) prepare() (err error) {
	c := a.client
	a.req, err = http.NewRequestWithContext(a.ctx, http.MethodGet, c.base.JoinPath("v1", a.key()).String(), nil)
	if err != nil {
		return err
	}
	a.req.Header.Set("User-Agent", c.userAgent)
	a.req.Header.Set("Accept-Encoding", "identity")
	c.credentials.sign(a.req.Header, a.id)
	return nil
}

// pause waits before the next try. It reports false at once if the pause would
// outlast the call, and when the call's context ends.
func (a *call) pause() bool {
	pause := backoff(a.client.backoff, a.try-1, rand.Float64())
	if deadline, ok := a.ctx.Deadline(); !a.patience.spend(pause) || ok && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return a.ctx.Err() == nil
	case <-a.ctx.Done():
		return false
	}
}

// backoff is the pause after the try number step, from 0: first, doubled with
// each step, and of that between a half and the whole, by jitter in [0, 1).
func backoff(first time.Duration, step int, jitter float64) time.Duration {
	d := first << step
	return d/2 + time.Duration(jitter*float64(d/2))
}

// failed makes the error of the whole call. ctx is the caller's.
func (a *call) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		switch err = ctx.Err(); {
		case a.lastErr != nil:
			err = fmt.Errorf("%w, before that: %v", err, a.lastErr)
		case a.try == 0:
			err = fmt.Errorf("%w: %w", ErrNotSent, err)
		}
	}
	if a.try > 1 {
		return fmt.Errorf("%s %s: after %d tries: %w", a.resource.name, a.id, a.try, err)
	}
	return fmt.Errorf("%s %s: %w", a.resource.name, a.id, err)
}

// key names what is asked for.
func (a *call) key() string { return a.resource.before + a.id + a.resource.behind }
