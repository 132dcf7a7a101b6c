package webhook

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"veriffs/internal/sessionlist"
	"veriffs/veriff"
)

func newReceiver(t *testing.T, add func(context.Context, []veriff.SessionID) (int, error)) *Receiver {
	t.Helper()
	r, err := New(Config{APIKey: testKey, Secrets: []string{testSecret}, Add: add})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func request(n int) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(event(n)))
	req.Header.Set("X-AUTH-CLIENT", testKey)
	req.Header.Set("X-HMAC-SIGNATURE", sign(event(n), testSecret))
	return req
}

func TestFailingWrite(t *testing.T) {
	failing := func(context.Context, []veriff.SessionID) (int, error) { return 0, errors.New("disk full") }
	panicking := func(context.Context, []veriff.SessionID) (int, error) { panic("oops") }
	for _, add := range []func(context.Context, []veriff.SessionID) (int, error){failing, panicking} {
		r := newReceiver(t, add)
		for range 2 {
			w := httptest.NewRecorder()
			r.ServeHTTP(w, request(1))
			if w.Code != 500 || strings.Contains(w.Body.String(), "disk") {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
		r.Close()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, request(1))
		if w.Code != 500 {
			t.Errorf("closed: %d", w.Code)
		}
	}
}

// TestRate checks that signed webhooks alone spend the rate.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, func(context.Context, []veriff.SessionID) (int, error) { return 1, nil })
		r.rate = rate.NewLimiter(1, 2)
		post := func(name, value string) *httptest.ResponseRecorder {
			w, req := httptest.NewRecorder(), request(1)
			if name != "" {
				req.Header.Set(name, value)
			}
			r.ServeHTTP(w, req)
			return w
		}
		for range 10 {
			for _, w := range []*httptest.ResponseRecorder{post("X-AUTH-CLIENT", "x"), post("X-HMAC-SIGNATURE", sign("x", testSecret))} {
				if w.Code != 401 {
					t.Errorf("unsigned: %d", w.Code)
				}
			}
		}
		got := []int{post("", "").Code, post("", "").Code}
		w := post("", "")
		got = append(got, w.Code)
		if diff := cmp.Diff([]int{200, 200, 429}, got); diff != "" || w.Header().Get("Retry-After") == "" {
			t.Error(diff, w.Header())
		}
	})
}

// TestGroupCommit checks that what arrives during a write is written by one
// other.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches []int
		release := make(chan struct{})
		r := newReceiver(t, func(_ context.Context, ids []veriff.SessionID) (int, error) {
			batches = append(batches, len(ids))
			<-release
			return len(ids), nil
		})
		var running sync.WaitGroup
		post := func(n int) {
			running.Go(func() {
				w := httptest.NewRecorder()
				if r.ServeHTTP(w, request(n)); w.Code != 200 {
					t.Errorf("%d %q", w.Code, w.Body)
				}
			})
		}
		post(0)
		synctest.Wait()
		for n := range 20 {
			post(n)
		}
		synctest.Wait()
		close(release)
		running.Wait()
		r.Close()
		if diff := cmp.Diff([]int{1, 20}, batches); diff != "" {
			t.Error(diff)
		}
	})
}

// runChild is a receiver that is to be killed. It tells its address first.
func runChild(file string) error {
	receiver, err := New(Config{APIKey: testKey, Secrets: []string{testSecret}, Add: sessionlist.NewFile(file).Add})
	if err != nil {
		return err
	}
	s, err := Listen(ServerConfig{Address: "127.0.0.1:0"}, receiver)
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	return s.Serve(context.Background())
}

// TestKill kills the receiver in the midst of webhooks, again and again. What
// it answered 200 must be in the file, and the file must be whole.
func TestKill(t *testing.T) {
	f := &fixture{file: filepath.Join(t.TempDir(), "sessions.txt")}
	accepted := map[string]bool{}
	var mu sync.Mutex
	for round := range 3 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "WEBHOOK_CHILD="+f.file)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		address, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		count := 0
		for worker := range 8 {
			running.Go(func() {
				for n := 0; ; n++ {
					body := event(round*1_000_000 + worker*10_000 + n)
					req, err := http.NewRequest(http.MethodPost, "http://"+strings.TrimSpace(address)+"/", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("X-AUTH-CLIENT", testKey)
					req.Header.Set("X-HMAC-SIGNATURE", sign(body, testSecret))
					resp, err := http.DefaultClient.Do(req)
					if err != nil {
						return // killed
					}
					resp.Body.Close()
					mu.Lock()
					if resp.StatusCode == 200 {
						accepted[session(round*1_000_000+worker*10_000+n)] = true
						if count++; count == 40 {
							child.Process.Kill()
						}
					}
					mu.Unlock()
				}
			})
		}
		running.Wait()
		child.Wait()
	}
	if len(accepted) < 120 {
		t.Fatalf("only %d accepted", len(accepted))
	}
	for _, id := range f.sessions(t) {
		delete(accepted, id)
	}
	if len(accepted) > 0 {
		t.Errorf("lost: %v", accepted)
	}
	http.DefaultClient.CloseIdleConnections()
}
