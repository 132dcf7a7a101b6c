package control

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"veriffs/internal/warming"
	"veriffs/veriff/sandbox"
)

// patience bounds a test that hangs.
const patience = time.Minute

// scrape asks for the metrics and leaves the connection open.
func scrape(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", pathMetrics)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.Status, err)
	}
	return c
}

// gone waits until the other end has closed the connection.
func gone(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("not closed")
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Fatal("still open")
	}
}

// TestIdleMetricsConnectionsGo opens far more connections than there may be.
func TestIdleMetricsConnectionsGo(t *testing.T) {
	const many = 300
	for name, idle := range map[string]time.Duration{"for room": time.Hour, "in time": time.Second} {
		t.Run(name, func(t *testing.T) {
			patient := timeouts{header: time.Hour, body: time.Hour, idle: idle, answer: time.Hour}
			h := newHouse(t, Options{Metrics: "127.0.0.1:0", timeouts: &patient})
			address := string(h.metrics)
			var all []net.Conn
			for range many {
				all = append(all, scrape(t, address))
			}
			if idle == time.Hour {
				all = all[:many-maxConnections] // the others may stay
			}
			for _, c := range all {
				gone(t, c)
			}
			scrape(t, address)
		})
	}
}

// TestSlowMetricsClientsHoldUpNobody has clients that never end their request.
func TestSlowMetricsClientsHoldUpNobody(t *testing.T) {
	patient := timeouts{header: time.Hour, body: time.Hour, idle: time.Hour, answer: time.Hour}
	h := newHouse(t, Options{Metrics: "127.0.0.1:0", timeouts: &patient})
	address := string(h.metrics)
	var all []net.Conn
	for range 300 {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "GET /metrics HTTP/1.1\r\nX-Slow: ")
		all = append(all, c)
	}
	scrape(t, address)
	for _, c := range all[:len(all)-maxConnections] {
		gone(t, c)
	}
}

// TestSocketTimeouts checks that a peer has an end of its patience coming for
// the body, and none for what it asked for.
func TestSocketTimeouts(t *testing.T) {
	patient := timeouts{header: time.Hour, body: 2 * time.Second, idle: time.Hour, answer: time.Hour}
	h := newHouse(t, Options{timeouts: &patient})
	stuck := h.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(1))
	defer stuck.Release()
	ended := make(chan error, 1)
	go func() {
		_, err := h.client.Warm(t.Context(), warming.Options{}, nil)
		ended <- err
	}()
	if err := stuck.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", h.client.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", pathWarm)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Error(resp.Status)
	}
	for range 3 * maxConnections { // nor does the crowd end what is under way
		silent, err := net.Dial("unix", h.client.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	if _, err := h.client.Status(t.Context()); err != nil {
		t.Error(err)
	}
	stuck.Release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
