package veriff

import (
	"context"
	"net"
	"net/http"
	"time"

	"veriffs/veriff/items"
)

// Seams for the tests in package veriff_test.
var (
	Backoff    = func(step int, jitter float64) time.Duration { return backoff(backoffFirst, step, jitter) }
	RetryAfter = retryAfter
)

const (
	MaxItems    = items.Most
	MaxStreaks  = maxStreaks
	MaxDocument = maxDocument
	MaxError    = maxErrorBody
)

// DialWith replaces the network, for tests in a bubble of fake time, which a
// real connection would keep from standing still.
func (c *Client) DialWith(dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	c.transport.DialContext = dial
}

// Hurry makes the pauses between tries too short to wait for.
func (c *Client) Hurry() { c.backoff = time.Millisecond }

// LimitDocuments bounds listings and documents.
func (c *Client) LimitDocuments(bytes int64) { c.maxDocument = bytes }

// Streaks is the number of resources whose last answer was 429.
func (c *Client) Streaks() int { return len(c.throttle.streaks) }

// Speak sets the versions of HTTP, for the benchmark that compares them.
func (c *Client) Speak(p *http.Protocols) { c.transport.Protocols = p }
