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

// verdict is the outcome of one try. This is the only place that decides what a
// reply, or the lack of one, means: for the caller, for the next try, for the
// counts, and, by its error, for whether the API is in reach and when to ask
// again.
type verdict struct {
	err     error // nil: the caller has what it asked for
	outcome string
	retry   bool // another try, soon, may fare better
	status  int  // of HTTP; 0: there was no reply
}

// judge makes a verdict of a reply.
func (a *call) judge(resp *http.Response) verdict {
	c := a.client
	c.stats.answered(time.Since(a.sent))
	if resp.StatusCode != http.StatusTooManyRequests {
		c.throttle.answered(a.key(), a.sent)
	}
	var v verdict
	if resp.StatusCode == http.StatusOK {
		v = a.judgeSuccess(resp)
	} else {
		v = a.judgeError(resp)
	}
	v.status = resp.StatusCode
	if v.err != nil && a.cancelled() {
		v.outcome, v.retry = outcomeCancelled, false
	}
	return v
}

func (a *call) judgeSuccess(resp *http.Response) verdict {
	err := a.client.credentials.precheck(resp.Header)
	if enc := resp.Header.Get("Content-Encoding"); err == nil && enc != "" && enc != "identity" {
		err = fmt.Errorf("%w: compressed, although that was not asked for", ErrBody)
	}
	if err == nil {
		err = a.accept(resp)
	}
	switch {
	case err == nil:
		return verdict{outcome: outcomeOK}
	case errors.Is(err, ErrSink):
		return verdict{err: err, outcome: outcomeSink}
	case errors.Is(err, ErrSignature):
		return verdict{err: err, outcome: outcomeSignature}
	default:
		return verdict{err: err, outcome: outcomeBody, retry: errors.Is(err, errCut)}
	}
}

// judgeError makes a verdict of a reply other than 200. What grants nothing
// comes first: it needs no signature, and proxies send it unsigned.
func (a *call) judgeError(resp *http.Response) verdict {
	c, status := a.client, resp.StatusCode
	d := newDigest(c.credentials.secrets)
	body, readErr := io.ReadAll(io.TeeReader(io.LimitReader(resp.Body, maxErrorBody+1), d))
	complete := readErr == nil && len(body) <= maxErrorBody
	receipt, authErr := c.credentials.receipt(resp.Header, d)
	authentic := complete && authErr == nil && receipt.Secret >= 0 && c.credentials.addressed(resp.Header)
	answer := c.credentials.apiError(status, body, authentic)
	after := retryAfter(resp.Header, time.Now())

	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		note := ""
		if !authentic {
			note = "; the reply itself is not authenticated"
		}
		return verdict{err: fmt.Errorf("%w: %w: %s%s", ErrRefused, answer, answer.Refusal().Cause, note), outcome: outcomeRefused}
	case status == http.StatusTooManyRequests:
		return verdict{err: a.rateLimited(a.sent, after, answer), outcome: outcomeRateLimited}
	case status >= 500:
		v := verdict{err: fmt.Errorf("%w: %w", ErrServer, answer), outcome: outcomeServer, retry: after <= 0}
		if after > 0 && after < c.patience { // for the caller to wait, without a connection
			v.err = &Later{Err: v.err, At: time.Now().Add(after)}
		}
		return v
	case readErr != nil:
		return verdict{err: cut(readErr, d.length, resp.ContentLength), outcome: outcomeBody, retry: true}
	case !complete:
		return verdict{err: fmt.Errorf("%w: an error (status %d) longer than %d KiB", ErrBody, status, maxErrorBody>>10), outcome: outcomeBody}
	case authErr != nil:
		return verdict{err: fmt.Errorf("%w (status %d)", authErr, status), outcome: outcomeSignature}
	case status == http.StatusNotFound:
		return verdict{err: fmt.Errorf("%w: %w", ErrNotFound, answer), outcome: outcomeNotFound}
	}
	return verdict{err: answer, outcome: outcomeUnexpected}
}

// rateLimited tells the throttle about an answer 429 to a request sent at that
// moment. It is safe for concurrent use.
func (a *call) rateLimited(sent time.Time, after time.Duration, answer error) error {
	until, err := a.client.throttle.refused(a.key(), sent, after, answer)
	if !until.IsZero() {
		a.client.log.Warn("the API asks for fewer requests: none goes out for a while",
			slog.Time("until", until), slog.Duration("for", time.Until(until).Round(time.Second)))
	}
	return err
}

// judgeFailure makes a verdict of a try that got no reply, or none that could
// be understood or followed.
func (a *call) judgeFailure(err error) verdict {
	// The text of a url.Error repeats the address.
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	var (
		untrusted *tls.CertificateVerificationError
		noTLS     tls.RecordHeaderError
	)
	switch {
	case a.cancelled():
		return verdict{err: a.ctx.Err(), outcome: outcomeCancelled}
	case errors.Is(err, ErrRateLimited): // since it was redirected
		return verdict{err: err, outcome: outcomeRateLimited}
	case errors.Is(err, ErrRedirect):
		return verdict{err: err, outcome: outcomeRedirect}
	case a.reach == answered:
		// net/http could not follow it, and would quote where to.
		return verdict{err: fmt.Errorf("%w: to what is no address", ErrRedirect), outcome: outcomeRedirect}
	case a.ctx.Err() != nil:
		return a.noAnswer("within "+a.client.patience.String(), false)
	case a.reach == begun:
		// Not quoted: it may be a piece of a body.
		return a.noAnswer("what came back is not HTTP, or its headers are cut short", true)
	default:
		// Not wrapped: a dialer's timeout passes for a context's.
		trusted := !errors.As(err, &untrusted) && !errors.As(err, &noTLS)
		return a.noAnswer(a.client.credentials.presentable(err.Error(), maxMessage), trusted)
	}
}

// noAnswer makes a verdict of a try that got no answer. Without a connection
// the API is unreachable. With one it is this request's own trouble, as long
// as any request was answered since the call began.
func (a *call) noAnswer(why string, retry bool) verdict {
	switch {
	case a.reach == unconnected:
		return verdict{err: fmt.Errorf("%w: %s", ErrUnreachable, why), outcome: outcomeUnreachable, retry: retry}
	case a.client.Answers() == a.answersBefore:
		return verdict{err: &silence{why}, outcome: outcomeNoAnswer, retry: retry}
	default:
		return verdict{err: fmt.Errorf("%w: %s", ErrNoAnswer, why), outcome: outcomeNoAnswer, retry: retry}
	}
}

// silence is the error of a request that was not answered when no other was
// either.
type silence struct{ why string }

func (s *silence) Error() string   { return ErrNoAnswer.Error() + ": " + s.why }
func (s *silence) Unwrap() []error { return []error{ErrUnreachable, ErrNoAnswer} }

// cancelled reports whether the caller ended the call.
func (a *call) cancelled() bool {
	return a.ctx.Err() != nil && !errors.Is(context.Cause(a.ctx), errPatience)
}
