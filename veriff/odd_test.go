package veriff_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/veriff"
)

// oddOne answers media with 429 always, and lists well unless limited says
// otherwise.
func oddOne(after string, limited *atomic.Bool) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, n int) {
		if strings.Contains(r.URL.Path, "/media/") || limited.Load() {
			w.Header().Set("Retry-After", after)
			replyUnsigned(w, 429, "")
			return
		}
		reply(w, 200, emptyList)
	}
}

// A resource that is always answered 429 while others are answered holds back
// the others once, then itself alone, and then fails for good.
func TestOddOne(t *testing.T) {
	inBubble(t, oddOne("5", new(atomic.Bool)), func(t *testing.T, c *veriff.Client, requests *atomic.Int64) {
		var later *veriff.Later
		ask := func(own bool) {
			t.Helper()
			later = nil
			_, _, err := download(t.Context(), c)
			wantError(t, err, veriff.ErrRateLimited)
			errors.As(err, &later)
			if held := !c.HeldUntil().IsZero(); held == own {
				t.Errorf("everybody is held back: %v, by %v", held, err)
			}
		}
		ask(false)
		time.Sleep(5 * time.Second)
		list(t, c, 1)
		ask(true)
		if later == nil || time.Until(later.At) != 5*time.Second {
			t.Errorf("to be asked again: %v", later)
		}
		before := requests.Load()
		ask(true) // at once
		if requests.Load() != before {
			t.Error("it is asked for before its time")
		}
		time.Sleep(5 * time.Second)
		list(t, c, 10)
		ask(true)
		if later == nil || time.Until(later.At) != 5*time.Second {
			t.Errorf("to be asked a third time: %v", later)
		}
		time.Sleep(5 * time.Second)
		list(t, c, 1)
		for n, pause := range []time.Duration{5, 8, 16, 16, 16, 16} {
			ask(true)
			if later != nil {
				t.Errorf("it is to be waited for once more: %v", later)
			}
			ask(true) // at once, so by somebody else, who waits
			if later == nil || time.Until(later.At) != pause*time.Second {
				t.Errorf("after %d answers: %v", n+4, later)
			}
			time.Sleep(pause * time.Second)
			list(t, c, 1)
		}
		if n := requests.Load() - before; n != 10+1+1+6+6 {
			t.Errorf("%d requests", n)
		}
	})
}

// What is asked for with the odd one, once nobody is held back any more, and answered,
// shows that the limit is the odd one's.
func TestOddOneAmongOthersAtOnce(t *testing.T) {
	handle := oddOne("5", new(atomic.Bool))
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if strings.Contains(r.URL.Path, "/media/") {
			time.Sleep(time.Second)
		}
		handle(w, r, n)
	}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		ask := func() {
			_, _, err := download(t.Context(), c)
			wantError(t, err, veriff.ErrRateLimited)
		}
		time.AfterFunc(500*time.Millisecond, func() { list(t, c, 1) }) // before the answer
		ask()
		time.Sleep(5 * time.Second)
		ask()
		if until := c.HeldUntil(); !until.IsZero() {
			t.Errorf("everybody is held back until %s", until)
		}
	})
}

// While others are limited too, or nothing else is asked, nobody is odd.
func TestNotOdd(t *testing.T) {
	var limited atomic.Bool
	inBubble(t, oddOne("", &limited), func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		wait := func() { time.Sleep(time.Until(c.HeldUntil())) }
		ask := func(about string) {
			t.Helper()
			_, _, err := download(t.Context(), c)
			var later *veriff.Later
			if c.HeldUntil().IsZero() || !errors.As(err, &later) {
				t.Errorf("%s: it was taken to be the odd one: %v", about, err)
			}
			wait()
		}
		list(t, c, 1)
		for range 5 {
			ask("alone")
		}
		for range 5 {
			limited.Store(true)
			_, err := c.SessionMedia(t.Context(), sessionID)
			wantError(t, err, veriff.ErrRateLimited)
			wait()
			limited.Store(false)
			list(t, c, 1)
			ask("others are limited too")
		}
	})
}

// outlast asks until there is an answer, or an error that does not pass, as a
// caller does that has to have it.
func outlast(t *testing.T, c *veriff.Client, id veriff.MediaID, until time.Time) error {
	for {
		_, err := c.Download(t.Context(), id, discard)
		var later *veriff.Later
		if !errors.As(err, &later) {
			return err
		}
		if later.At.After(until) {
			return errGaveUp
		}
		time.Sleep(time.Until(later.At))
		if later.Alone {
			c.Probe(t.Context())
		}
	}
}

// downloads outlasts limits for so many files with so many workers, and counts
// the errors.
func downloads(t *testing.T, c *veriff.Client, files, workers int, most time.Duration) (failed map[byte]error) {
	var (
		mu   sync.Mutex
		work sync.WaitGroup
		todo = make(chan byte)
	)
	failed = make(map[byte]error)
	until := time.Now().Add(most)
	for range workers {
		work.Go(func() {
			for n := range todo {
				id := mediaID
				id[15] = n
				if err := outlast(t, c, id, until); err != nil {
					mu.Lock()
					failed[n] = err
					mu.Unlock()
				}
			}
		})
	}
	for n := range files {
		todo <- byte(n)
	}
	close(todo)
	work.Wait()
	return failed
}

// However many resources are always answered 429: the others get through, and
// nobody is held for ever. The odd ones come first, last or between, and may
// keep all workers.
func TestOddOnes(t *testing.T) {
	const files, workers = 60, 12
	for name, odd := range map[string]func(n int) bool{
		"2 first":    func(n int) bool { return n < 2 },
		"2 last":     func(n int) bool { return n >= files-2 },
		"20 first":   func(n int) bool { return n < 20 },
		"20 between": func(n int) bool { return n%3 == 1 },
		"20 last":    func(n int) bool { return n >= files-20 },
		"all":        func(int) bool { return true },
	} {
		for _, after := range []string{"", "5"} {
			t.Run(name+"/"+after, func(t *testing.T) {
				inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
					var n int
					if _, err := fmt.Sscanf(r.URL.Path[len(r.URL.Path)-2:], "%x", &n); err != nil {
						n = files // a probe
					}
					time.Sleep(10 * time.Millisecond)
					switch {
					case !strings.Contains(r.URL.Path, "/media/"):
						reply(w, 404, notFoundBody)
					case odd(n):
						if after != "" {
							w.Header().Set("Retry-After", after)
						}
						replyUnsigned(w, 429, "")
					default:
						reply(w, 200, "picture")
					}
				}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
					failed := downloads(t, c, files, workers, 15*time.Minute)
					for n := range files {
						if err := failed[byte(n)]; odd(n) != (err != nil) || err != nil && !errors.Is(err, veriff.ErrRateLimited) {
							t.Errorf("file %d, odd %v: %v", n, odd(n), err)
						}
					}
					if held := c.HeldUntil(); !held.IsZero() && len(failed) < files {
						t.Errorf("everybody is held back until %s", held)
					}
				})
			})
		}
	}
}

// A limit on the account makes nobody odd, neither one that lets nothing
// through for an hour, nor one that lets through little at a time.
func TestAccountLimitIsNobodysOwn(t *testing.T) {
	const files, workers = 200, 12
	for name, test := range map[string]struct {
		none time.Duration // for so long nothing
		each int           // then so many in a second
	}{"nothing for an hour": {time.Hour, 100}, "2 a second": {0, 2}, "5 a second": {0, 5}, "10 a second": {0, 10}, "11 a second": {0, 11}} {
		t.Run(name, func(t *testing.T) {
			var (
				mu     sync.Mutex
				begun  time.Time
				window time.Duration
				passed int
			)
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				mu.Lock()
				if begun.IsZero() {
					begun = time.Now()
				}
				since := time.Since(begun)
				if w := since.Truncate(time.Second); w != window {
					window, passed = w, 0
				}
				ok := since >= test.none && passed < test.each
				if ok {
					passed++
				}
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
				switch {
				case !ok:
					replyUnsigned(w, 429, "")
				case !strings.Contains(r.URL.Path, "/media/"):
					reply(w, 404, notFoundBody)
				default:
					reply(w, 200, "picture")
				}
			}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
				if failed := downloads(t, c, files, workers, 3*time.Hour); len(failed) > 0 {
					t.Errorf("%d failed: %v", len(failed), failed)
				}
			})
		})
	}
}

// An answer ends a streak.
func TestOddOneRecovers(t *testing.T) {
	var well atomic.Bool
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if strings.Contains(r.URL.Path, "/media/") && !well.Load() {
			replyUnsigned(w, 429, "")
			return
		}
		reply(w, 200, emptyList)
	}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		for range 4 {
			download(t.Context(), c)
			time.Sleep(time.Minute)
			list(t, c, 1)
		}
		well.Store(true)
		_, _, err := download(t.Context(), c)
		wantError(t, err, nil)
		well.Store(false)
		_, _, err = download(t.Context(), c)
		wantError(t, err, veriff.ErrRateLimited)
		if c.HeldUntil().IsZero() {
			t.Errorf("after a good answer: %v", err)
		}
	})
}

// Streaks take bounded memory: beyond the bound they begin anew.
func TestStreaksAreBounded(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) { replyUnsigned(w, 429, "") }, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
		id := sessionID
		for n := range veriff.MaxStreaks + 1 {
			id[14], id[15] = byte(n>>8), byte(n)
			_, err := c.SessionMedia(t.Context(), id)
			wantError(t, err, veriff.ErrRateLimited)
			time.Sleep(2 * time.Minute)
			if n := c.Streaks(); n > veriff.MaxStreaks {
				t.Fatalf("%d streaks", n)
			}
		}
	})
}
