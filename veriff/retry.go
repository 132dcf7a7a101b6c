package veriff

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// maxRetries bounds the tries after the first.
	maxRetries = 3
	// backoffBase and backoffCap are the first and the longest pause. Three
	// retries pause a second at most, so that being offline shows soon.
	backoffBase = 150 * time.Millisecond
	backoffCap  = 4 * time.Second
)

// call is one call of the API over all its tries. It is used by one goroutine
// but for the timers, which only cancel.
type call struct {
	client   *Client
	resource resource
	id       string
	accept   func(*http.Response) error

	ctx           context.Context // ends with the caller's, or patience
	patience      *time.Timer
	patienceUntil time.Time

	try     int // 1 for the first
	sent    time.Time
	reach   reach         // how far the last request came
	pause   time.Duration // before the next try
	hedged  bool          // a request of it was sent twice
	lastErr error         // of the last try that was not cancelled

	answersBefore int64 // that the client had got when the call began
}

// do asks for a resource until it has a verdict. accept consumes and judges
// the body of a 200.
func (c *Client) do(ctx context.Context, r resource, id string, accept func(*http.Response) error) error {
	a := &call{client: c, resource: r, id: id, accept: accept, answersBefore: c.Answers()}
	if err := c.admit(ctx); err != nil {
		return a.errorf(err)
	}
	defer func() { <-c.slots }()

	callCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.ctx = callCtx
	a.patienceUntil = time.Now().Add(c.limits.patience)
	a.patience = time.AfterFunc(c.limits.patience, func() { cancel(errPatience) })
	defer a.patience.Stop()

	u := c.base.JoinPath("v1", r.before+id+r.behind)
	req, err := retryablehttp.NewRequestWithContext(callCtx, http.MethodGet, u.String(), nil)
	if err != nil {
		return a.errorf(err)
	}
	req.Header.Set(headerKey, c.key)
	req.Header.Set(headerSignature, Sign([]byte(id), c.secrets[0]))
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept-Encoding", "identity")
	req.SetResponseHandler(a.handle)

	// The call is its own transport, which also keeps retryablehttp from
	// closing everyone's idle connections when this one call fails.
	loop := retryablehttp.Client{
		HTTPClient:     &http.Client{Transport: a, CheckRedirect: c.checkRedirect},
		RetryMax:       math.MaxInt32,
		RequestLogHook: func(_ retryablehttp.Logger, _ *http.Request, n int) { a.try, a.sent = n+1, time.Now() },
		CheckRetry:     a.checkRetry,
		Backoff:        func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return a.pause },
		PrepareRetry:   func(*http.Request) error { return c.rate.Wait(callCtx) },
		ErrorHandler:   func(_ *http.Response, err error, _ int) (*http.Response, error) { return nil, err },
	}
	_, err = loop.Do(req)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && a.lastErr != nil:
		return a.errorf(fmt.Errorf("%w, before that: %v", ctx.Err(), a.lastErr))
	case ctx.Err() != nil:
		return a.errorf(ctx.Err())
	case a.lastErr != nil:
		return a.errorf(a.lastErr)
	default:
		return a.errorf(err)
	}
}

// admit waits for one of the call's own connections and for the request rate,
// as long as ctx allows, and for nothing while requests are held back.
func (c *Client) admit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.mayAsk(); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.rate.Wait(ctx); err != nil {
		<-c.slots
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: the configured request rate leaves no room before the deadline", ErrRateLimited)
	}
	return nil
}

func (a *call) errorf(err error) error {
	if a.try > 1 {
		return fmt.Errorf("veriff: %s %s: after %d tries: %w", a.resource.name, a.id, a.try, err)
	}
	return fmt.Errorf("veriff: %s %s: %w", a.resource.name, a.id, err)
}

// checkRetry is retryablehttp's policy. It is asked twice about an answer:
// before handle, without an error, and after.
func (a *call) checkRetry(_ context.Context, resp *http.Response, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if h := (*heldBack)(nil); errors.As(err, &h) {
		a.lastErr = h // nothing was sent
		return false, h
	}
	f := (*failure)(nil)
	if !errors.As(err, &f) {
		f = a.connectionFailure(err)
		a.settle(0, f)
	}
	if !f.retry || a.ctx.Err() != nil || a.try > maxRetries {
		return false, f
	}
	a.pause = backoff(a.try-1, rand.Float64())
	if f.after > 0 {
		a.pause += f.after
	}
	// A pause that outlasts the call is not worth beginning.
	if resume := time.Now().Add(a.pause); !resume.Before(a.patienceUntil) {
		return false, f
	} else if deadline, ok := a.ctx.Deadline(); ok && !resume.Before(deadline) {
		return false, f
	}
	return true, nil
}

// backoff is the pause after the try number step, from 0: doubling from
// backoffBase to backoffCap, and of that between a half and the whole, by
// jitter in [0, 1).
func backoff(step int, jitter float64) time.Duration {
	d := backoffCap
	if step < 10 {
		d = min(backoffBase<<step, backoffCap)
	}
	return d/2 + time.Duration(jitter*float64(d/2))
}

// maxRetryAfter is longer than any call waits; it keeps the arithmetic safe.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the pause that an answer asks for, in seconds or as a
// date. It is -1 if there is none that makes sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	return -1
}

// renewPatience grants the call its whole patience from now on.
func (a *call) renewPatience() {
	a.patienceUntil = time.Now().Add(a.client.limits.patience)
	a.patience.Reset(a.client.limits.patience)
}

// suspendPatience stops the clock while the server is not being waited for.
func (a *call) suspendPatience() { a.patience.Stop() }
