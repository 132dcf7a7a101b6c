package veriff_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/veriff"
)

const (
	usual = 20 * time.Millisecond // that an answer takes
	known = 100                   // answers, after which others can be late
	// soon is more than a hedged call takes, and less than one that waits
	// for the first byte in vain.
	soon = time.Second
)

// hang keeps a request without an answer until its client gives it up.
func hang(r *http.Request) { <-r.Context().Done() }

// usually answers after the usual time, but for the requests that odd takes
// upon itself.
func usually(odd func(w http.ResponseWriter, r *http.Request, n int) bool) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, n int) {
		if !odd(w, r, n) {
			time.Sleep(usual)
			reply(w, 200, emptyList)
		}
	}
}

// list asks n times, one after the other.
func list(t *testing.T, c *veriff.Client, n int) {
	t.Helper()
	for range n {
		if _, err := c.SessionMedia(t.Context(), sessionID); err != nil {
			t.Error(err)
			return
		}
	}
}

// A request that hangs is sent once more, and that is what the caller gets.
func TestHedge(t *testing.T) {
	var givenUp atomic.Bool
	inBubble(t, usually(func(_ http.ResponseWriter, r *http.Request, n int) bool {
		if n != known+1 {
			return false
		}
		hang(r)
		givenUp.Store(true)
		return true
	}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, known)
		begun := time.Now()
		list(t, c, 1)
		if took := time.Since(begun); took > soon || requests.Load() != known+2 {
			t.Errorf("%d requests, the last call took %s", requests.Load(), took)
		}
		s := c.Stats()
		ok := s.Requests[veriff.Request{Kind: "session media", Outcome: veriff.OutcomeOK}]
		if s.Hedged != (veriff.Hedges{Sent: 1, Won: 1}) || ok != known+1 || s.Active != 0 {
			t.Errorf("%+v", s)
		}
		list(t, c, known) // the connection that hung does no harm
		if !givenUp.Load() || c.Stats().Hedged.Sent != 1 {
			t.Errorf("the first request was given up: %v; %+v", givenUp.Load(), c.Stats().Hedged)
		}
	})
}

// What must not lead to a second request.
func TestNoHedge(t *testing.T) {
	hangs := func(at int) func(http.ResponseWriter, *http.Request, int) {
		return usually(func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if n == at {
				hang(r)
			}
			return n == at
		})
	}
	for _, test := range []struct {
		name    string
		handler func(http.ResponseWriter, *http.Request, int)
		change  func(*veriff.Config)
	}{
		{"peers unknown", hangs(known), nil},
		{"no connection to spare", hangs(known + 1), func(c *veriff.Config) { c.Connections = 1 }},
		{"rate used up", hangs(known + 1), func(c *veriff.Config) { c.Rate = 1 }},
		{"not late", usually(func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == known+1 {
				time.Sleep(80 * time.Millisecond)
			}
			return false
		}), nil},
		{"overloaded", usually(func(w http.ResponseWriter, r *http.Request, n int) bool {
			switch n {
			case known:
				replyUnsigned(w, 503, "") // and the next try goes well
			case known + 2:
				hang(r)
			default:
				return false
			}
			return true
		}), nil},
		{"another kind", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == known+6 {
				hang(r)
			}
			reply(w, 200, emptyList)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			change := test.change
			if change == nil {
				change = func(*veriff.Config) {}
			}
			inBubble(t, test.handler, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
				list(t, c, known+5)
				if _, err := c.Download(t.Context(), mediaID, discard); err != nil {
					t.Error(err)
				}
				if got := c.Stats().Hedged; got != (veriff.Hedges{}) {
					t.Errorf("hedged: %+v", got)
				}
			}, change)
		})
	}
}

// A server that turns slow for everyone gets what was saved up and 2 %.
func TestHedgeBudget(t *testing.T) {
	const before, together, rounds = 400, 8, 50
	inBubble(t, usually(func(_ http.ResponseWriter, _ *http.Request, n int) bool {
		if n > before {
			time.Sleep(3 * time.Second)
		}
		return false
	}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, before)
		for round := range rounds {
			var calls sync.WaitGroup
			for range together {
				calls.Go(func() { list(t, c, 1) })
			}
			calls.Wait()
			if sent := c.Stats().Hedged.Sent; round == 0 && sent != 5 {
				t.Errorf("%d of %d were sent twice", sent, together)
			}
		}
		sent := c.Stats().Hedged.Sent
		if sent > 5+together*rounds/50 || requests.Load() != before+together*rounds+sent {
			t.Errorf("%d requests, of which %d second ones", requests.Load(), sent)
		}
	})
}

// Second requests are among the connections, not beside them.
func TestHedgeKeepsToConnections(t *testing.T) {
	const connections = 4
	var active, most atomic.Int64
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		time.Sleep(time.Millisecond) // by now the server knows what the client gave up before
		if now := active.Add(1); now > most.Load() {
			most.Store(now)
		}
		defer active.Add(-1)
		if n > 3*known && n%50 < 2 { // two at a time, with one connection to spare
			hang(r)
			return
		}
		time.Sleep(usual)
		reply(w, 200, emptyList)
	}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		var calls sync.WaitGroup
		for range connections - 1 {
			calls.Go(func() { list(t, c, 3*known) })
		}
		calls.Wait()
		if won := c.Stats().Hedged.Won; won == 0 || most.Load() != connections {
			t.Errorf("%d second requests won, at most %d at a time", won, most.Load())
		}
	}, func(c *veriff.Config) { c.Connections = connections })
}

// A second request that fails, or is told that the server is overloaded,
// leaves the first alone; a first that fails leaves it to the second.
func TestHedgeFails(t *testing.T) {
	slow := func(w http.ResponseWriter) { time.Sleep(2 * time.Second); reply(w, 200, emptyList) }
	broken := func(w http.ResponseWriter) {
		time.Sleep(time.Second)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			io.WriteString(conn, "not HTTP\n")
			conn.Close()
		}
	}
	for name, test := range map[string]struct {
		first, second func(http.ResponseWriter)
		won           int64
	}{
		"second overloaded": {slow, func(w http.ResponseWriter) { replyUnsigned(w, 503, "") }, 0},
		"second cut":        {slow, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 0},
		"first broken":      {broken, slow, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, usually(func(w http.ResponseWriter, _ *http.Request, n int) bool {
				switch n {
				case known + 1:
					test.first(w)
				case known + 2:
					test.second(w)
				default:
					return false
				}
				return true
			}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
				list(t, c, known+1)
				if got := c.Stats().Hedged; got != (veriff.Hedges{Sent: 1, Won: test.won}) || requests.Load() != known+2 || c.Stats().Active != 0 {
					t.Errorf("%d requests, %+v", requests.Load(), c.Stats())
				}
			})
		})
	}
}

// A call is hedged once, over all its tries.
func TestHedgeOnce(t *testing.T) {
	inBubble(t, usually(func(w http.ResponseWriter, r *http.Request, n int) bool {
		switch n {
		case known + 1, known + 3:
			hang(r)
		case known + 2:
			w.Header().Set("Content-Length", "1000")
			reply(w, 200, "cut")
		default:
			return false
		}
		return true
	}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, known+1)
		if got := c.Stats().Hedged; got != (veriff.Hedges{Sent: 1, Won: 1}) || requests.Load() != known+4 {
			t.Errorf("%d requests, %+v", requests.Load(), got)
		}
	})
}

// The context ends both requests at once.
func TestHedgeCancelled(t *testing.T) {
	var ended atomic.Int64
	inBubble(t, usually(func(_ http.ResponseWriter, r *http.Request, n int) bool {
		if n > known {
			hang(r)
			ended.Add(1)
		}
		return n > known
	}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, known)
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		begun := time.Now()
		_, err := c.SessionMedia(ctx, sessionID)
		wantError(t, err, context.DeadlineExceeded)
		if took := time.Since(begun); took != soon || c.Stats().Active != 0 || c.Stats().Hedged.Sent != 1 {
			t.Errorf("took %s, %+v", took, c.Stats())
		}
		time.Sleep(time.Millisecond)
		if requests.Load() != known+2 || ended.Load() != 2 {
			t.Errorf("%d of %d requests ended", ended.Load(), requests.Load()-known)
		}
	})
}

// The same over a network, with a body.
func TestHedgeDownload(t *testing.T) {
	body := picture(100_000)
	signature := mac(body, secret)
	for name, how := range protocols {
		t.Run(name, func(t *testing.T) {
			var stuck atomic.Bool
			server := start(t, func(w http.ResponseWriter, r *http.Request) {
				if stuck.CompareAndSwap(true, false) {
					hang(r)
					return
				}
				w.Header().Set("X-HMAC-SIGNATURE", signature)
				replyUnsigned(w, 200, body)
			}, how)
			// On a machine that is too busy to hedge, another try helps.
			c := server.client(t, trust(server), func(c *veriff.Config) { c.FirstByte = soon })
			for calls := 0; calls < known || c.Stats().Hedged.Won == 0; calls++ {
				stuck.Store(calls >= known)
				if got, _, err := download(t.Context(), c); err != nil || got != body {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			}
		})
	}
}

// A second request that is answered 429 holds others back, although its caller
// gets the answer to the first.
func TestHedgeIsLimited(t *testing.T) {
	inBubble(t, usually(func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case known + 1:
			time.Sleep(2 * time.Second)
			reply(w, 200, emptyList)
		case known + 2:
			w.Header().Set("Retry-After", "60")
			replyUnsigned(w, 429, "")
		default:
			return false
		}
		return true
	}), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		list(t, c, known+1)
		if held := time.Until(c.HeldUntil()); held < 57*time.Second {
			t.Errorf("held back for %s", held)
		}
		_, err := c.SessionMedia(t.Context(), sessionID)
		wantError(t, err, veriff.ErrRateLimited)
		if requests.Load() != known+2 {
			t.Errorf("%d requests", requests.Load())
		}
	})
}
