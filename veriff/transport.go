package veriff

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport returns a transport with its own pool of connections.
func newTransport(config Config) *http.Transport {
	// HTTP/2 was measured to be no faster here (BenchmarkDownloadHTTP1 and 2).
	// It puts all requests on one connection: a lost packet would hold up all
	// of them, a dead connection lose them all, a hedged request wait behind
	// the late one, and one core decrypt everything.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:             protocols,
		Proxy:                 proxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: config.Connect, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   config.Connect,
		ResponseHeaderTimeout: config.FirstByte,
		TLSClientConfig: &tls.Config{
			RootCAs:            config.RootCAs,
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		MaxConnsPerHost:     config.Connections,
		MaxIdleConnsPerHost: config.Connections,
		IdleConnTimeout:     90 * time.Second,
		// Signatures and lengths are of the body as it is sent.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxyFromEnvironment keeps the proxy's address, which may hold a password,
// out of the error.
func proxyFromEnvironment(req *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("the proxy set in the environment is not a URL")
	}
	return u, nil
}

// maxRedirects is how many redirects within the API's origin a try follows.
const maxRedirects = 3

// checkRedirect allows redirects within the API's origin only: net/http would
// send the two headers along to any host.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	case req.URL.User != nil || origin(req.URL) != origin(c.base):
		return fmt.Errorf("%w: from %s to %s", ErrRedirect, origin(c.base), origin(req.URL))
	}
	return c.throttle.check(req.URL.Path) // it goes out no more than any other
}

// RoundTrip sends one request, or two if the first is late, and puts a watch on
// the body of the answer, which can end it without ending the call.
func (a *call) RoundTrip(req *http.Request) (*http.Response, error) {
	a.patience.run() // here and not around all hops: the body of a redirect is read between them, and runs it too
	s := a.send(req)
	a.patience.stop()
	a.reach = s.reach.load()
	if s.err != nil {
		s.cancel(nil)
		return nil, s.err
	}
	a.reach = answered
	s.resp.Body = newWatchedBody(s, s.resp.StatusCode == http.StatusOK)
	return s.resp, nil
}
