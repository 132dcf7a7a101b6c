package veriff

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// timeLimits are those that the transport does not keep by itself.
type timeLimits struct {
	stall, patience time.Duration
}

// newTransport returns a transport with a pool of its own.
func newTransport(config Config) *http.Transport {
	// HTTP/2 was measured to be no faster here (BenchmarkDownloadHTTP1 and 2),
	// and would put all requests on one connection: a lost packet would hold
	// all of them up, a dead connection lose them all, a second request for a
	// late one wait behind the first, and one core decrypt everything.
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
		// Signatures and lengths are those of the body as it is sent.
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

// maxRedirects is how many redirects within the API's own origin one try
// follows.
const maxRedirects = 3

// checkRedirect lets a redirect happen only within the API's origin: net/http
// would send the two headers along to any host.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	case req.URL.User != nil || origin(req.URL) != origin(c.base):
		return fmt.Errorf("%w: from %s to %s", ErrRedirect, origin(c.base), origin(req.URL))
	}
	return nil
}

var (
	errStalled  = errors.New("stalled")
	errPatience = errors.New("out of patience")
)

// RoundTrip sends one request under a context that the watch over its body
// can end without ending the call.
func (a *call) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := a.client.mayAsk(); err != nil {
		return nil, err
	}
	s := a.send(req)
	a.reach = s.reach.load()
	if s.err == nil {
		a.reach = answered
	}
	if s.err != nil {
		s.cancel(nil)
		return nil, s.err
	}
	body := &watchedBody{
		ReadCloser: s.resp.Body,
		call:       a,
		ctx:        s.req.Context(),
		cancel:     s.cancel,
		wanted:     s.resp.StatusCode == http.StatusOK,
		stall:      time.AfterFunc(time.Hour, func() { s.cancel(errStalled) }),
	}
	body.stall.Stop()
	s.resp.Body = body
	return s.resp, nil
}

// watchedBody ends a read that takes too long. The watch is on only while a
// read is waiting: how long its reader takes for what it got is not the
// server's fault.
type watchedBody struct {
	io.ReadCloser
	call   *call
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer
	wanted bool // the body is what was asked for, so its bytes renew patience
	begun  bool // bytes of it have come
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.begun {
		b.call.renewPatience()
	}
	b.stall.Reset(b.call.client.limits.stall)
	n, err := b.ReadCloser.Read(p)
	b.stall.Stop()
	b.call.client.stats.bytes.Add(int64(n))
	b.begun = b.begun || b.wanted && n > 0
	switch {
	case err == nil && b.begun:
		b.call.suspendPatience()
	case err != nil && err != io.EOF:
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.stall.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
