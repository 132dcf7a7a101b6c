package veriff

import (
	"context"
	"net"
	"net/http"
)

// Seams for the tests in package veriff_test.
var (
	Backoff    = backoff
	RetryAfter = retryAfter
)

const (
	MaxItems    = maxItems
	MaxDocument = maxDocument
	MaxError    = maxErrorBody
)

// DialWith replaces the network, for tests in a bubble of fake time, which a
// real connection would keep from standing still.
func (c *Client) DialWith(dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	c.transport.DialContext = dial
}

// Speak sets the versions of HTTP, for the benchmark that compares them.
func (c *Client) Speak(p *http.Protocols) { c.transport.Protocols = p }
