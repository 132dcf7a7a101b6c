package veriff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// ErrUncertain says that a request to delete was sent, and that it is not known what
// became of it: it may have been carried out.
var ErrUncertain = errors.New("it is not known whether it was carried out")

// ErrNotDeletable says that the API can't delete a session now, because of its state.
var ErrNotDeletable = errors.New("the session can't be deleted in its present state")

// notDeletable are the codes of an answer 400 to a request to delete: the session is
// not complete, or in progress.
var notDeletable = map[string]bool{"1305": true, "1306": true}

// Deletion is what became of a request to delete a session at Veriff. Veriff limits
// these to 10 in 24 hours and 5 in an hour, and has them switched off by default. What
// it accepts is gone from its API at once, and from its storage within 12 hours.
type Deletion struct {
	Session   string    `json:"session"`
	Requested time.Time `json:"requested,omitzero"` // when the request was sent; zero: it was not
	Accepted  bool      `json:"accepted"`           // Veriff's word, signed if signatures are required
	Signed    bool      `json:"signed"`             // the answer was, by one of our secrets
	Uncertain bool      `json:"uncertain"`          // nobody knows whether it was carried out
	Status    int       `json:"http_status,omitempty"`
	Code      string    `json:"code,omitempty"`    // Veriff's own
	Message   string    `json:"message,omitempty"` // as far as it can be shown
}

// DeleteSession asks the API to delete a session: once, whatever becomes of the
// request, because it can't be undone and is counted. The Deletion holds what was
// answered even if the error is not nil.
//
// Errors: ErrNotFound (no such session, or no such endpoint), ErrRefused (the
// credentials, or deleting is not switched on), ErrRateLimited, ErrNotDeletable,
// ErrUnreachable (nothing was sent); ErrUncertain with the reason, or an *APIError.
func (c *Client) DeleteSession(ctx context.Context, id SessionID) (d Deletion, err error) {
	d.Session = id.String()
	defer func() {
		c.log.Info("veriff: asked to delete a session", slog.String("session", d.Session), slog.Int("status", d.Status),
			slog.Bool("accepted", d.Accepted), slog.Bool("uncertain", d.Uncertain))
		if err != nil {
			err = fmt.Errorf("delete session %s: %w", id, err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.base.JoinPath("v1", "sessions", id.String()).String(), nil)
	if err != nil {
		return d, err
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept-Encoding", "identity")
	c.credentials.sign(req.Header, id.String())
	requested := time.Now()
	// A redirect is an answer like any other: the request must not go on to elsewhere.
	resp, err := (&http.Client{Transport: c.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if sent.Load() {
		d.Requested = requested
	}
	switch {
	case err != nil && sent.Load():
		d.Uncertain = true
		return d, fmt.Errorf("%w: %w: %s", ErrUncertain, ErrNoAnswer, c.credentials.presentable(err.Error(), maxMessage))
	case err != nil:
		return d, fmt.Errorf("%w: %s", ErrUnreachable, c.credentials.presentable(err.Error(), maxMessage))
	}
	defer resp.Body.Close()
	return d, c.judgeDeletion(resp, &d)
}

// judgeDeletion reads the answer to a request to delete.
func (c *Client) judgeDeletion(resp *http.Response, d *Deletion) error {
	sum := newDigest(c.credentials.secrets)
	body, readErr := io.ReadAll(io.TeeReader(io.LimitReader(resp.Body, maxErrorBody+1), sum))
	receipt, authErr := c.credentials.receipt(resp.Header, sum)
	whole := readErr == nil && len(body) <= maxErrorBody
	d.Signed = whole && authErr == nil && receipt.Secret >= 0 && c.credentials.addressed(resp.Header)
	answer := c.credentials.apiError(resp.StatusCode, body, d.Signed)
	d.Status, d.Code, d.Message = resp.StatusCode, answer.Code, answer.Message
	uncertain := func(err error) error {
		d.Uncertain = true
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %w", ErrRefused, answer)
	case resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", ErrRateLimited, answer)
	case resp.StatusCode >= 500:
		return uncertain(fmt.Errorf("%w: %w", ErrServer, answer))
	case readErr != nil:
		return uncertain(fmt.Errorf("%w: its answer was cut", ErrBody))
	case !whole:
		return uncertain(fmt.Errorf("%w: its answer is too long", ErrBody))
	case authErr != nil:
		return uncertain(authErr)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %w", ErrNotFound, answer)
	case resp.StatusCode == http.StatusBadRequest && notDeletable[answer.Code]:
		return fmt.Errorf("%w: %w", ErrNotDeletable, answer)
	case resp.StatusCode >= 300:
		return answer
	}
	var done struct {
		Status       string `json:"status"`
		Verification struct {
			ID string `json:"id"`
		} `json:"verification"`
	}
	if err := json.Unmarshal(body, &done); err != nil || done.Status != "success" || !strings.EqualFold(done.Verification.ID, d.Session) {
		return uncertain(fmt.Errorf("%w: it was answered with %d, but not that this session is deleted", ErrBody, resp.StatusCode))
	}
	d.Accepted = true
	return nil
}
