// Package veriff is a client of Veriff's public API v1, as far as a reader of
// verification media needs it: the listings of sessions and attempts, the
// documents beside them, and the media themselves.
//
// It promises:
//   - Nothing unverified is believed. Every reply's signature is checked over
//     its body, those of errors included, so that "not found" too is Veriff's
//     word (see [VerifyMode]). What grants nothing, a refusal or a server's
//     failure, is taken at its status alone.
//   - Media are streamed and hashed on the way, never held whole; listings
//     and documents are bounded.
//   - A call ends. It is tried again after a failure that may pass, within
//     [Config.Patience] and its context's deadline, and ends at once when the
//     context does.
//   - An answer 429 holds back every request of the Client until the moment
//     that it names. Calls fail at once until then: see [Client.HeldUntil].
//   - A request that is answered much later than its peers is sent a second
//     time, within Connections and Rate and for 2 % of the requests at most.
//   - The API key and the signatures go to the API's scheme, host and port
//     and nowhere else; no error, log line or number holds them, or a secret.
//
// It does not promise that the bytes belong to the id that was asked for:
// Veriff signs a reply's body alone. A Client is safe for concurrent use.
package veriff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Client calls the API of one integration. Make one with New.
type Client struct {
	base      *url.URL
	key       string
	secrets   []string
	verify    VerifyMode
	userAgent string
	limits    timeLimits
	log       *slog.Logger
	transport *http.Transport

	slots     chan struct{} // holds one value per request under way
	rate      *rate.Limiter
	restraint restraint
	hedging   hedging
	stats     stats
	signed    atomic.Bool // see Signed
}

// Format keeps the secrets out of whatever prints a Client.
func (*Client) Format(f fmt.State, _ rune) { io.WriteString(f, "veriff.Client{…}") }

// New returns a client for the configuration, or a *ConfigError. It sends
// nothing: see Probe.
func New(config Config) (*Client, error) {
	config, base, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	limit := rate.Inf
	if config.Rate > 0 {
		limit = rate.Limit(config.Rate)
	}
	return &Client{
		base:      base,
		key:       config.APIKey,
		secrets:   slices.Clone(config.Secrets),
		verify:    config.Verify,
		userAgent: config.UserAgent,
		limits:    timeLimits{stall: config.Stall, patience: config.Patience},
		log:       config.Logger,
		transport: newTransport(config),
		slots:     make(chan struct{}, config.Connections),
		rate:      rate.NewLimiter(limit, 1),
	}, nil
}

// Close closes the idle connections. Calls under way are not cut short: end
// them by their contexts.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// resource is one kind of address below /v1/.
type resource struct {
	name           string // in errors, logs and Stats
	before, behind string // of the id
}

var (
	sessionMedia       = resource{"session media", "sessions/", "/media"}
	sessionAttempts    = resource{"session attempts", "sessions/", "/attempts"}
	attemptMedia       = resource{"attempt media", "attempts/", "/media"}
	media              = resource{"media", "media/", ""}
	decision           = resource{"decision", "sessions/", "/decision"}
	person             = resource{"person", "sessions/", "/person"}
	watchlistScreening = resource{"watchlist screening", "sessions/", "/watchlist-screening"}
	probe              = resource{KindProbe, "sessions/", "/media"}
)

// Document is a JSON reply, verbatim and verified.
type Document struct {
	Body []byte
	Receipt
}

// maxDocument is the most that is read of a listing or document, in bytes.
const maxDocument = 32 << 20

// SessionMedia lists the media of a session's most recent attempt.
func (c *Client) SessionMedia(ctx context.Context, id SessionID) (MediaList, error) {
	return c.mediaList(ctx, sessionMedia, id.String())
}

// AttemptMedia lists the media of one attempt.
func (c *Client) AttemptMedia(ctx context.Context, id AttemptID) (MediaList, error) {
	return c.mediaList(ctx, attemptMedia, id.String())
}

func (c *Client) mediaList(ctx context.Context, r resource, id string) (MediaList, error) {
	doc, err := c.document(ctx, r, id)
	if err != nil {
		return MediaList{}, err
	}
	list, err := DecodeMediaList(doc.Body)
	if err != nil {
		return MediaList{}, fmt.Errorf("veriff: %s %s: %w", r.name, id, err)
	}
	list.Document = doc
	return list, nil
}

// SessionAttempts lists a session's attempts, newest first.
func (c *Client) SessionAttempts(ctx context.Context, id SessionID) (AttemptList, error) {
	doc, err := c.document(ctx, sessionAttempts, id.String())
	if err != nil {
		return AttemptList{}, err
	}
	list, err := DecodeAttemptList(doc.Body)
	if err != nil {
		return AttemptList{}, fmt.Errorf("veriff: %s %s: %w", sessionAttempts.name, id, err)
	}
	list.Document = doc
	return list, nil
}

// Decision returns what was decided about a session.
func (c *Client) Decision(ctx context.Context, id SessionID) (Document, error) {
	return c.document(ctx, decision, id.String())
}

// Person returns what is known of the person verified in a session.
func (c *Client) Person(ctx context.Context, id SessionID) (Document, error) {
	return c.document(ctx, person, id.String())
}

// WatchlistScreening returns the result of a session's watchlist screening.
func (c *Client) WatchlistScreening(ctx context.Context, id SessionID) (Document, error) {
	return c.document(ctx, watchlistScreening, id.String())
}

// document fetches a JSON reply whole.
func (c *Client) document(ctx context.Context, r resource, id string) (Document, error) {
	var doc Document
	err := c.do(ctx, r, id, func(resp *http.Response) error {
		if resp.ContentLength > maxDocument {
			return fmt.Errorf("%w: longer than %d MiB", ErrBody, maxDocument>>20)
		}
		var body bytes.Buffer
		d := newDigest(c.secrets) // in every mode: what may erase must be signed
		n, err := io.Copy(io.MultiWriter(&body, d), io.LimitReader(resp.Body, maxDocument+1))
		switch {
		case err != nil:
			return cut(err, n, resp.ContentLength)
		case n > maxDocument:
			return fmt.Errorf("%w: longer than %d MiB", ErrBody, maxDocument>>20)
		}
		receipt, err := c.checkBody(resp, d, body.Bytes())
		if err != nil {
			return err
		}
		doc = Document{Body: body.Bytes(), Receipt: receipt}
		return nil
	})
	return doc, err
}

// errCut marks a body that ended too early, or not in time: another try may
// fare better.
var errCut = errors.New("cut short")

func cut(err error, got, want int64) error {
	if want >= 0 {
		return fmt.Errorf("%w: %w after %d of %d bytes: %s", ErrBody, errCut, got, want, brokenBy(err))
	}
	return fmt.Errorf("%w: %w after %d bytes: %s", ErrBody, errCut, got, brokenBy(err))
}

// checkBody decides about a 200 whose whole body went through d. That its
// length is the one stated, net/http has seen to: a body has no EOF before.
// head is the body, or nil if it is too long to be an error's.
func (c *Client) checkBody(resp *http.Response, d *digest, head []byte) (Receipt, error) {
	receipt, err := c.receipt(resp.Header, d)
	if err != nil {
		return Receipt{}, err
	}
	if _, _, isError := parseEnvelope(head); isError {
		return Receipt{}, fmt.Errorf("%w: an error sent as success: %w", ErrBody, c.apiError(resp.StatusCode, head, receipt.Secret >= 0))
	}
	return receipt, nil
}
