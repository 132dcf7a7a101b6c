package veriff_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"veriffs/veriff"
)

// Whatever the API redirects to: the other host is not even asked.
func TestRedirectElsewhereIsRefused(t *testing.T) {
	plain := (*httptest.Server).Start
	secure := (*httptest.Server).StartTLS
	for _, test := range []struct {
		name     string
		from, to func(*httptest.Server)
		host     func(string) string
	}{
		{"another port", plain, plain, nil},
		{"another port, secure", secure, secure, nil},
		{"https to http", secure, plain, nil},
		{"http to https", plain, secure, nil},
		{"another name", plain, plain, func(u string) string { return strings.Replace(u, "127.0.0.1", "localhost", 1) }},
		{"without a scheme", plain, plain, func(u string) string { return u[strings.Index(u, "//"):] }},
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprintf("%s/%d", test.name, status), func(t *testing.T) {
				other := start(t, func(w http.ResponseWriter, r *http.Request) {
					t.Errorf("the other host received a request with the headers %v", r.Header)
					reply(w, 200, emptyList)
				}, test.to)
				target := other.URL + "/v1/media/stolen?token=hunter2"
				if test.host != nil {
					target = test.host(target)
				}
				server := start(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", target)
					reply(w, status, "")
				}, test.from)
				c := server.client(t, trust(server))
				for _, call := range []int{0, len(calls) - 1} {
					err := calls[call].do(context.Background(), c)
					wantError(t, err, veriff.ErrRedirect)
					if strings.Contains(err.Error(), "hunter2") {
						t.Errorf("the error shows more than the host: %v", err)
					}
				}
				if server.asked() != 2 || other.conns != 0 {
					t.Errorf("%d requests for two calls, %d connections to the other host", server.asked(), other.conns)
				}
			})
		}
	}
}

// Within the origin a redirect is followed, and stays signed.
func TestRedirectWithinOrigin(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n, _ := fmt.Sscanf(r.URL.Path, "/hop/%d", new(int)); n == 0 {
			http.Redirect(w, r, "/hop/1", http.StatusFound)
			return
		}
		if r.Header.Get("X-HMAC-SIGNATURE") == "" {
			t.Error("a redirect within the origin lost the signature")
		}
		reply(w, 200, emptyList)
	})
	if _, err := server.client(t).SessionMedia(context.Background(), sessionID); err != nil {
		t.Error(err)
	}
	if server.asked() != 2 {
		t.Errorf("%d requests", server.asked())
	}
}

// A user name in the target would be sent along as one more credential.
func TestRedirectWithUser(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://user:hunter2@"+r.Host+"/")
		reply(w, 302, "")
	})
	_, err := server.client(t).SessionMedia(context.Background(), sessionID)
	wantError(t, err, veriff.ErrRedirect)
	if server.asked() != 1 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%d requests, %v", server.asked(), err)
	}
}

func TestRedirectLoop(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	_, err := server.client(t).SessionMedia(context.Background(), sessionID)
	wantError(t, err, veriff.ErrRedirect)
	if server.asked() != 4 {
		t.Errorf("%d requests", server.asked())
	}
}

func TestUnreachable(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		c := newClient(t, "http://"+l.Addr().String())
		c.Hurry()
		_, err = c.SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrUnreachable)
		if got := c.Stats().Requests[veriff.Request{Kind: "session media", Outcome: "unreachable"}]; got != 4 {
			t.Errorf("tried %d times", got)
		}
	})
	t.Run("hung up", func(t *testing.T) {
		server := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrUnreachable)
		if server.asked() != 4 {
			t.Errorf("tried %d times", server.asked())
		}
	})
	t.Run("certificate", func(t *testing.T) {
		server := start(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }, quietTLS)
		c := server.client(t)
		_, err := c.SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrUnreachable)
		if server.conns != 1 { // a certificate does not get better
			t.Errorf("tried %d times", server.conns)
		}
	})
	t.Run("not HTTP", func(t *testing.T) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s%s\n\n", secret, strings.Repeat("x", 1000))
		})
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrUnreachable)
		if strings.Contains(err.Error(), "xxx") {
			t.Errorf("the error quotes what was sent: %v", err)
		}
	})
	t.Run("recovers", func(t *testing.T) {
		n := 0
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n < 4 {
				panic(http.ErrAbortHandler)
			}
			reply(w, 200, emptyList)
		})
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, nil)
	})
}

// Every request has a connection of its own, also where HTTP/2 is offered,
// and the later connections resume the TLS session of the first.
func TestConnections(t *testing.T) {
	var (
		resumed  []bool
		versions []string
	)
	server := start(t, func(w http.ResponseWriter, r *http.Request) {
		resumed = append(resumed, r.TLS.DidResume)
		versions = append(versions, r.Proto)
		reply(w, 200, emptyList)
	}, protocols["TLS"])
	c := server.client(t, trust(server))
	for range 3 {
		if _, err := c.SessionMedia(context.Background(), sessionID); err != nil {
			t.Fatal(err)
		}
		c.Close() // the next request needs a new connection
	}
	if want := []bool{false, true, true}; !slices.Equal(resumed, want) {
		t.Errorf("resumed: %v, want %v", resumed, want)
	}
	if want := []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1"}; !slices.Equal(versions, want) {
		t.Errorf("spoke %v, want %v", versions, want)
	}
}
