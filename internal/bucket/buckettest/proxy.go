package buckettest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Fault is what a proxy does to requests that match. The zero value lets them pass.
type Fault struct {
	Match func(*http.Request) bool // nil: all

	Hold   <-chan struct{} // the request waits until this is closed
	Status int             // is answered in place of the server, with Code
	Code   string
	Reset  bool            // the connection is reset
	Flip   bool            // the middle byte of the answer's body is inverted
	Cut    bool            // the connection is cut in the middle of the answer's body
	Stall  <-chan struct{} // the second half of the body waits until this is closed
}

// Proxy is between a client and a server of object storage.
type Proxy struct {
	URL string

	server *httptest.Server
	proxy  *httputil.ReverseProxy

	mu      sync.Mutex
	fault   Fault
	met     int            // requests that the fault has met
	changed chan struct{}  // closed and replaced when met grows
	methods map[string]int // requests by method
}

// NewProxy starts a proxy in front of a server, without a fault.
func NewProxy(t *testing.T, server string) *Proxy {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{changed: make(chan struct{}), methods: make(map[string]int)}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which is signed
		},
		ModifyResponse: p.damage,
		Transport:      &http.Transport{MaxIdleConnsPerHost: 64},
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { reset(w) },
	}
	p.server = httptest.NewServer(p)
	p.URL = p.server.URL
	t.Cleanup(func() {
		p.Set(Fault{})
		p.server.CloseClientConnections()
		p.server.Close()
		p.proxy.Transport.(*http.Transport).CloseIdleConnections()
	})
	return p
}

// Set makes a fault the only one, and forgets what was counted.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.met = f, 0
	clear(p.methods)
}

// Requests returns how many requests there were by a method since the last Set.
func (p *Proxy) Requests(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.methods[method]
}

// Met waits until the fault has met n requests.
func (p *Proxy) Met(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		met, changed := p.met, p.changed
		p.mu.Unlock()
		if met >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type faultKey struct{}

// meet counts a request and returns the fault that it meets.
func (p *Proxy) meet(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.methods[r.Method]++
	if p.fault.Match != nil && !p.fault.Match(r) {
		return Fault{}
	}
	p.met++
	close(p.changed)
	p.changed = make(chan struct{})
	return p.fault
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.meet(r)
	if f.Hold != nil {
		select {
		case <-f.Hold:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.Reset:
		reset(w)
	case f.Status != 0:
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>as the test says</Message></Error>", f.Code)
	default:
		p.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, f)))
	}
}

// reset ends a connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// damage does to an answer what the request's fault says.
func (p *Proxy) damage(resp *http.Response) error {
	f, _ := resp.Request.Context().Value(faultKey{}).(Fault)
	if f.Flip || f.Cut || f.Stall != nil {
		resp.Body = &damaged{ReadCloser: resp.Body, fault: f, middle: resp.ContentLength / 2, gone: resp.Request.Context().Done()}
	}
	return nil
}

// damaged is a body to which something happens in its middle.
type damaged struct {
	io.ReadCloser
	fault  Fault
	at     int64
	middle int64
	gone   <-chan struct{}
}

func (d *damaged) Read(b []byte) (int, error) {
	if d.at == d.middle {
		switch {
		case d.fault.Cut:
			panic(http.ErrAbortHandler)
		case d.fault.Stall != nil:
			select {
			case <-d.fault.Stall:
			case <-d.gone:
			}
		}
	}
	if d.at <= d.middle { // stop there, and pass it by itself
		b = b[:min(int64(len(b)), max(1, d.middle-d.at))]
	}
	n, err := d.ReadCloser.Read(b)
	if d.fault.Flip && n > 0 && d.at == d.middle {
		b[0] ^= 0xff
	}
	d.at += int64(n)
	return n, err
}
