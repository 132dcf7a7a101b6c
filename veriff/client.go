package veriff

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"veriffs/veriff/hedge"
)

// Client calls the API of one integration. Make one with New.
type Client struct {
	base        *url.URL
	credentials credentials
	userAgent   string
	pace        func(context.Context, int) error
	stall       time.Duration // Config.Stall
	patience    time.Duration // Config.Patience
	backoff     time.Duration // backoffFirst
	maxDocument int64         // the constant
	log         *slog.Logger
	transport   *http.Transport

	slots    chan struct{} // holds one value per request under way
	rate     *rate.Limiter
	throttle throttle
	hedging  hedge.Policy
	stats    stats
}

// Format keeps the secrets out of whatever prints a Client.
func (*Client) Format(f fmt.State, _ rune) { io.WriteString(f, "veriff.Client{…}") }

// New returns a client, or a *ConfigError. It sends nothing; Probe does.
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
		base:        base,
		credentials: credentials{key: config.APIKey, secrets: slices.Clone(config.Secrets), ids: secretIDs(config.Secrets), mode: config.Verify, plain: config.SHA256},
		userAgent:   config.UserAgent,
		pace:        config.Pace,
		stall:       config.Stall,
		patience:    config.Patience,
		backoff:     backoffFirst,
		maxDocument: maxDocument,
		log:         config.Logger,
		transport:   newTransport(config),
		slots:       make(chan struct{}, config.Connections),
		rate:        rate.NewLimiter(limit, 1),
	}, nil
}

// Close closes the idle connections. It does not end calls under way; their
// contexts do.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Patience is how long a call goes on without receiving a byte.
func (c *Client) Patience() time.Duration { return c.patience }

// HeldUntil returns until when no request goes out because the API asked for
// fewer: the zero time if they do. Until then every call fails at once with
// ErrRateLimited.
func (c *Client) HeldUntil() time.Time { return c.throttle.everyone(time.Now()) }

// Signed reports whether one of the configured secrets has signed a reply so
// far: then at least that one is not mistyped.
func (c *Client) Signed() bool { return c.credentials.signed.Load() }

// SecretIDs returns the ids of the configured secrets: see SecretID.
func (c *Client) SecretIDs() []string { return slices.Clone(c.credentials.ids) }

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

// maxDocument bounds a listing or document, in bytes.
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
		return MediaList{}, fmt.Errorf("%s %s: %w", r.name, id, err)
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
		return AttemptList{}, fmt.Errorf("%s %s: %w", sessionAttempts.name, id, err)
	}
	list.Document = doc
	return list, nil
}

// Decision returns the decision about a session.
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
		tooLong := fmt.Errorf("%w: longer than %d KiB", ErrBody, c.maxDocument>>10)
		if resp.ContentLength > c.maxDocument {
			return tooLong
		}
		var body bytes.Buffer
		body.Grow(int(min(max(resp.ContentLength, 0), copyBuffer)) + bytes.MinRead)
		n, err := body.ReadFrom(io.LimitReader(resp.Body, c.maxDocument+1))
		d := newDigest(c.credentials.secrets) // in every mode: what may erase must be signed
		_, _ = d.Write(body.Bytes())          // never fails
		switch {
		case err != nil:
			return cut(err, n, resp.ContentLength)
		case n > c.maxDocument:
			return tooLong
		}
		receipt, err := c.credentials.checkBody(resp, d, body.Bytes())
		if err != nil {
			return err
		}
		doc = Document{Body: body.Bytes(), Receipt: receipt}
		return nil
	})
	return doc, err
}
