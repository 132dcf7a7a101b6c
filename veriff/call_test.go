package veriff_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/veriff"
)

func TestBackoff(t *testing.T) {
	for step, whole := range []time.Duration{150, 300, 600} {
		whole *= time.Millisecond
		if least, most := veriff.Backoff(step, 0), veriff.Backoff(step, 1); least != whole/2 || most != whole {
			t.Errorf("step %d: from %s to %s, want %s to %s", step, least, most, whole/2, whole)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                  -1,
		"0":                                 0,
		"7":                                 7 * time.Second,
		"-7":                                -1,
		"7.5":                               -1,
		"soon":                              -1,
		"9223372036854775807":               24 * time.Hour,
		"99999999999999999999999":           -1,
		"Wed, 04 Mar 2026 05:06:17 GMT":     10 * time.Second,
		"Wed, 04 Mar 2026 05:06:07 GMT":     0,
		"Wed, 04 Mar 2020 05:06:07 GMT":     0,
		"Wed, 04 Mar 2099 05:06:07 GMT":     24 * time.Hour,
		"Wednesday, 04-Mar-26 05:06:17 GMT": 10 * time.Second,
	} {
		if got := veriff.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

// pipes is a listener whose connections stay within the process, so that time
// in a bubble can stand still for them.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// inBubble runs test with a client of handler in fake time. handler is given
// the number of the request, from 1.
func inBubble(t *testing.T, handler func(w http.ResponseWriter, r *http.Request, n int), test func(t *testing.T, c *veriff.Client, requests *atomic.Int64), change ...func(*veriff.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		var requests atomic.Int64
		server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handler(w, r, int(requests.Add(1)))
		})}
		go server.Serve(l)
		c := newClient(t, "http://127.0.0.1", change...)
		c.DialWith(l.dial)
		test(t, c, &requests)
		c.Close()
		server.Close()
		synctest.Wait()
	})
}

// A server that fails and names a moment is not waited for: the call ends at
// once, holds nothing, and tells the moment, unless that is too far off.
func TestServerErrorNamesMoment(t *testing.T) {
	for after, test := range map[string]struct {
		requests int64
		later    time.Duration // 0: none
	}{"5": {1, 5 * time.Second}, "17": {1, 17 * time.Second}, "18": {1, 0}, "3600": {1, 0}, "": {4, 0}, "0": {4, 0}, "soon": {4, 0}} {
		t.Run(after, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				w.Header().Set("Retry-After", after)
				replyUnsigned(w, 503, "")
			}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				begun := time.Now()
				_, err := c.SessionMedia(t.Context(), sessionID)
				wantError(t, err, veriff.ErrServer)
				took := time.Since(begun)
				var later *veriff.Later
				errors.As(err, &later)
				if requests.Load() != test.requests || test.requests == 1 && took != 0 || took > 1050*time.Millisecond || c.Stats().Active != 0 {
					t.Errorf("%d requests in %s, %d under way", requests.Load(), took, c.Stats().Active)
				}
				if (later != nil) != (test.later > 0) || later != nil && time.Until(later.At) != test.later {
					t.Errorf("to be asked again: %+v; want in %s", later, test.later)
				}
			})
		})
	}
}

// A pause holds no connection: another call has it meanwhile.
func TestPauseHoldsNothing(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			replyUnsigned(w, 503, "")
			return
		}
		reply(w, 200, emptyList)
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		done := make(chan error)
		go func() { _, err := c.SessionMedia(t.Context(), sessionID); done <- err }()
		time.Sleep(time.Millisecond) // the first pause takes 75 at least
		if active := c.Stats().Active; active != 0 || requests.Load() != 1 {
			t.Errorf("%d connections are held after %d requests", active, requests.Load())
		}
		begun := time.Now()
		list(t, c, 1)
		if took := time.Since(begun); took != 0 || requests.Load() != 2 {
			t.Errorf("another call took %s, %d requests", took, requests.Load())
		}
		wantError(t, <-done, nil)
	}, func(c *veriff.Config) { c.Connections = 1 })
}

// A server that accepts and says nothing: each try ends with the first byte's
// time, and all of them with patience.
func TestNoFirstByte(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) { <-r.Context().Done() },
		func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
			begun := time.Now()
			_, err := c.SessionMedia(t.Context(), sessionID)
			wantError(t, err, veriff.ErrUnreachable)
			if took := time.Since(begun); requests.Load() != 3 || took != 18*time.Second {
				t.Errorf("%d requests in %s", requests.Load(), took)
			}
		})
}

// A call that finds no free connection says that it has sent nothing. One that was
// sent does not.
func TestNotSent(t *testing.T) {
	arrived := make(chan struct{})
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			close(arrived)
		}
		<-r.Context().Done()
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		first, end := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, err := c.SessionMedia(first, sessionID); done <- err }()
		<-arrived
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := c.Probe(ctx)
		if !errors.Is(err, veriff.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) || requests.Load() != 1 {
			t.Errorf("no connection was free: %v, %d requests", err, requests.Load())
		}
		end()
		if err := <-done; errors.Is(err, veriff.ErrNotSent) || !errors.Is(err, context.Canceled) {
			t.Errorf("the call that was sent: %v", err)
		}
	}, func(c *veriff.Config) { c.Connections = 1 })
}

// A stalled body is tried again, and ends within the tries.
func TestStall(t *testing.T) {
	const body = "0123456789"
	for _, stalls := range []int{1, 100} {
		t.Run(fmt.Sprint(stalls), func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n > stalls {
					reply(w, 200, body)
					return
				}
				w.Header().Set("Content-Length", "10")
				w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
				replyUnsigned(w, 200, body[:5])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				begun := time.Now()
				got, _, err := download(t.Context(), c)
				took := time.Since(begun)
				if stalls == 1 {
					wantError(t, err, nil)
					if got != body || requests.Load() != 2 || took < 8*time.Second || took > 9*time.Second {
						t.Errorf("%q after %d requests in %s", got, requests.Load(), took)
					}
					return
				}
				wantError(t, err, veriff.ErrBody)
				if requests.Load() != 4 || took < 32*time.Second || took > 34*time.Second {
					t.Errorf("%d requests in %s", requests.Load(), took)
				}
			})
		})
	}
}

// A body that keeps coming is waited for however long it takes, and so is a
// receiver that takes its time.
func TestSlowIsNotStalled(t *testing.T) {
	const body = "0123456789"
	slowServer := func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
		for i := range body {
			time.Sleep(7 * time.Second)
			io.WriteString(w, body[i:i+1])
			w.(http.Flusher).Flush()
		}
	}
	inBubble(t, slowServer, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		begun := time.Now()
		got, _, err := download(t.Context(), c)
		if took := time.Since(begun); err != nil || got != body || requests.Load() != 1 || took != 70*time.Second {
			t.Errorf("%q, %v after %d requests in %s", got, err, requests.Load(), took)
		}
	})
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) { reply(w, 200, picture(1_000_000)) },
		func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
			_, err := c.Download(t.Context(), mediaID, func(int64) (io.Writer, error) { return slowWriter{}, nil })
			if err != nil || requests.Load() != 1 {
				t.Errorf("%v after %d requests", err, requests.Load())
			}
		})
}

// The context ends a call at once wherever it is: waiting for an answer, in a
// pause, in a stalled body, waiting for its turn.
func TestContextEndsCall(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request, n int) { <-r.Context().Done() }
	paused := func(w http.ResponseWriter, r *http.Request, n int) { replyUnsigned(w, 503, "") }
	const soon = 70 * time.Millisecond // the first pause takes 75 at least
	stall := func(w http.ResponseWriter, r *http.Request, n int) {
		replyUnsigned(w, 404, "{")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request, int){"no answer": hang, "in a pause": paused, "in a body": stall} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, handler, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(soon, cancel)
				begun := time.Now()
				_, err := c.SessionMedia(ctx, sessionID)
				wantError(t, err, context.Canceled)
				if took := time.Since(begun); took != soon || requests.Load() != 1 {
					t.Errorf("%d requests in %s", requests.Load(), took)
				}
			})
		})
	}
	inBubble(t, hang, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := c.SessionMedia(ctx, sessionID)
		wantError(t, err, context.DeadlineExceeded)
	})
}

// Waiting for one of our own connections costs no patience.
func TestWaitingForATurn(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("X-HMAC-SIGNATURE", mac("xxxxx", secret))
		for range 5 {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(6 * time.Second)
		}
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		done := make(chan error)
		for range 3 {
			go func() { _, _, err := download(t.Context(), c); done <- err }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}, func(c *veriff.Config) { c.Connections = 1 })
}

// The configured rate spaces the requests, those of retries too.
func TestRateSpaces(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			replyUnsigned(w, 500, "")
			return
		}
		reply(w, 200, emptyList)
	}, func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		begun := time.Now()
		for range 3 {
			if _, err := c.SessionMedia(t.Context(), sessionID); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); requests.Load() != 4 || took != 6*time.Second {
			t.Errorf("%d requests in %s", requests.Load(), took)
		}
	}, func(c *veriff.Config) { c.Rate = 0.5 })
}
