package veriff

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// failure is what one try came to.
type failure struct {
	error
	outcome string
	retry   bool
	after   time.Duration // the pause that the server asked for, or -1
}

func (f *failure) Unwrap() error { return f.error }

// handle judges an answer. It leaves its verdict to checkRetry.
func (a *call) handle(resp *http.Response) error {
	defer resp.Body.Close()
	a.client.stats.answered(time.Since(a.sent))
	if resp.StatusCode != http.StatusTooManyRequests {
		a.client.restraint.allowed(a.sent)
	}
	if resp.StatusCode != http.StatusOK {
		return a.settle(resp.StatusCode, a.judge(resp))
	}
	err := a.client.precheck(resp.Header)
	if enc := resp.Header.Get("Content-Encoding"); err == nil && enc != "" && enc != "identity" {
		err = fmt.Errorf("%w: compressed, although that was not asked for", ErrBody)
	}
	if err == nil {
		err = a.accept(resp)
	}
	if err == nil {
		return a.settle(resp.StatusCode, nil)
	}
	f := &failure{error: err, outcome: outcomeBody, after: -1, retry: errors.Is(err, errCut)}
	switch {
	case errors.Is(err, ErrSink):
		f.outcome = outcomeSink
	case errors.Is(err, ErrSignature):
		f.outcome = outcomeSignature
	}
	return a.settle(resp.StatusCode, f)
}

// judge makes a verdict of an answer other than 200. The order is that of
// trust: what grants nothing needs no signature, and proxies send it unsigned.
func (a *call) judge(resp *http.Response) *failure {
	c, status := a.client, resp.StatusCode
	d := newDigest(c.secrets)
	body, readErr := io.ReadAll(io.TeeReader(io.LimitReader(resp.Body, maxErrorBody+1), d))
	complete := readErr == nil && len(body) <= maxErrorBody
	receipt, authErr := c.receipt(resp.Header, d)
	authentic := complete && authErr == nil && receipt.Secret >= 0 && c.addressed(resp.Header)
	answer := c.apiError(status, body, authentic)

	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		note := ""
		if !authentic {
			note = "; the reply itself is not authenticated"
		}
		return &failure{error: fmt.Errorf("%w: %w: %s%s", ErrRefused, answer, answer.likelyCause(), note), outcome: outcomeRefused}
	case status == http.StatusTooManyRequests:
		c.holdBack(retryAfter(resp.Header, time.Now()))
		return &failure{error: fmt.Errorf("%w: %w", ErrRateLimited, answer), outcome: outcomeRateLimited}
	case status >= 500:
		return &failure{error: fmt.Errorf("%w: %w", ErrServer, answer), outcome: outcomeServer, retry: true, after: retryAfter(resp.Header, time.Now())}
	case readErr != nil:
		return &failure{error: cut(readErr, d.length, resp.ContentLength), outcome: outcomeBody, retry: true, after: -1}
	case !complete:
		return &failure{error: fmt.Errorf("%w: an error (status %d) longer than %d KiB", ErrBody, status, maxErrorBody>>10), outcome: outcomeBody}
	case authErr != nil:
		return &failure{error: fmt.Errorf("%w (status %d)", authErr, status), outcome: outcomeSignature}
	case status == http.StatusNotFound:
		return &failure{error: fmt.Errorf("%w: %w", ErrNotFound, answer), outcome: outcomeNotFound}
	}
	return &failure{error: answer, outcome: outcomeUnexpected}
}

// connectionFailure makes a verdict of a try that got no answer, or none that
// could be understood.
func (a *call) connectionFailure(err error) *failure {
	// The text of a url.Error repeats the address.
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	f := &failure{outcome: outcomeUnreachable, retry: true, after: -1}
	if a.reach != unconnected {
		f.outcome = outcomeNoAnswer
	}
	var (
		untrusted *tls.CertificateVerificationError
		noTLS     tls.RecordHeaderError
	)
	switch {
	case a.ctx.Err() != nil && !errors.Is(context.Cause(a.ctx), errPatience):
		return &failure{error: a.ctx.Err(), outcome: outcomeCancelled}
	case errors.Is(err, ErrRedirect):
		return &failure{error: err, outcome: outcomeRedirect}
	case a.reach == answered:
		// net/http could not follow it, and would quote where to.
		return &failure{error: fmt.Errorf("%w: to what is no address", ErrRedirect), outcome: outcomeRedirect}
	case a.reach == begun && a.ctx.Err() == nil:
		// Not quoted: it may be a piece of a body.
		f.error = a.noAnswer("what came back is not HTTP, or its headers are cut short")
	case a.ctx.Err() != nil:
		f.error = a.noAnswer("within " + a.client.limits.patience.String())
		f.retry = false
	case errors.As(err, &untrusted), errors.As(err, &noTLS):
		f.retry = false
		fallthrough
	default:
		// Not wrapped: a dialer's timeout passes for a context's.
		f.error = a.noAnswer(a.client.presentable(err.Error(), maxMessage))
	}
	return f
}

// settle counts and logs what a try came to.
func (a *call) settle(status int, f *failure) error {
	outcome := outcomeOK
	switch {
	case f == nil:
	case a.ctx.Err() != nil && !errors.Is(context.Cause(a.ctx), errPatience):
		outcome = outcomeCancelled
	default:
		outcome = f.outcome
	}
	a.client.stats.count(a.resource.name, outcome)
	a.client.log.LogAttrs(a.ctx, slog.LevelDebug, "veriff: request",
		slog.String("method", http.MethodGet), slog.String("kind", a.resource.name), slog.String("id", a.id),
		slog.Int("try", a.try), slog.Int("status", status), slog.String("outcome", outcome),
		slog.Duration("took", time.Since(a.sent)))
	if f == nil {
		return nil
	}
	if outcome != outcomeCancelled {
		a.lastErr = f.error
	}
	return f
}
