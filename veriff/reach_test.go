package veriff_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/veriff"
)

// raw answers with these bytes and closes the connection.
func raw(w http.ResponseWriter, text string) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		io.WriteString(conn, text)
		conn.Close()
	}
}

// logTo makes a client log all that it can.
func logTo(w io.Writer) func(*veriff.Config) {
	return func(c *veriff.Config) {
		c.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// A request that is not answered says that the API can't be reached only if
// none is.
func TestNoAnswer(t *testing.T) {
	isMedia := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/media/") }
	for name, mute := range map[string]func(w http.ResponseWriter, r *http.Request){
		"silent": func(_ http.ResponseWriter, r *http.Request) { hang(r) },
		"closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if isMedia(r) {
					mute(w, r)
					return
				}
				reply(w, 200, emptyList)
			}, func(t *testing.T, c *veriff.Client, _ *atomic.Int64) {
				_, _, err := download(t.Context(), c)
				wantError(t, err, veriff.ErrUnreachable)
				if !errors.Is(err, veriff.ErrNoAnswer) {
					t.Errorf("alone: %v", err)
				}
				done := make(chan error)
				go func() { _, _, err := download(t.Context(), c); done <- err }()
				time.Sleep(time.Millisecond)
				list(t, c, 1)
				err = <-done
				if !errors.Is(err, veriff.ErrNoAnswer) || errors.Is(err, veriff.ErrUnreachable) {
					t.Errorf("while another was answered: %v", err)
				}
			})
		})
	}
}

// What comes back without being an answer is that request's failure, and is
// never quoted: it may be a piece of a body.
func TestGarbledAnswer(t *testing.T) {
	const passport = "P<UTOERIKSSON"
	signed := "HTTP/1.1 200 OK\r\nX-HMAC-SIGNATURE: " + mac(emptyList, secret) + "\r\n"
	for name, test := range map[string]struct {
		answer string
		want   error
	}{
		"no HTTP":                {passport + "\r\n\r\n", veriff.ErrUnreachable},
		"no HTTP, without end":   {passport, veriff.ErrUnreachable},
		"a header without colon": {"HTTP/1.1 200 OK\r\n" + passport + "\r\n\r\n", veriff.ErrUnreachable},
		"an odd status":          {"HTTP/1.1 " + passport + "\r\n\r\n", veriff.ErrUnreachable},
		"two lengths":            {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: " + passport + "\r\n\r\n", veriff.ErrUnreachable},
		"an odd chunk":           {signed + "Transfer-Encoding: chunked\r\n\r\n" + passport + "\r\n", veriff.ErrBody},
		"an odd trailer":         {signed + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n" + passport + "\r\n\r\n", veriff.ErrBody},
		"an odd redirect":        {"HTTP/1.1 302 Found\r\nLocation: http://%" + passport + "\r\nContent-Length: 0\r\n\r\n", veriff.ErrRedirect},
		"an odd list":            {"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nX-HMAC-SIGNATURE: " + mac(`{"`+passport+`":`, secret) + "\r\n\r\n" + `{"` + passport + `":`, veriff.ErrBody},
		"another document": {"HTTP/1.1 404 Not Found\r\nContent-Length: 49\r\n\r\n" + `{"status":"success","message":"` + passport + `","x":1}`,
			veriff.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logged := new(strings.Builder)
			server := serve(t, func(w http.ResponseWriter, _ *http.Request) { raw(w, test.answer) })
			_, err := server.client(t, logTo(logged)).SessionMedia(t.Context(), sessionID)
			wantError(t, err, test.want)
			if all := err.Error() + logged.String(); strings.Contains(all, "ERIKSSON") {
				t.Errorf("what came back is quoted:\n%s", all)
			}
		})
	}
}

// Whether an answer was signed is known in every mode: what destroys relies
// on it.
func TestAuthenticInEveryMode(t *testing.T) {
	for _, mode := range []veriff.VerifyMode{veriff.VerifyRequire, veriff.VerifyPresent, veriff.VerifyOff} {
		for _, test := range []struct {
			name, by, echo string
			authentic      bool
		}{
			{"signed", secret, "", true},
			{"signed, for us", secret, key, true},
			{"signed, for another", secret, sessionID.String(), false},
			{"by a stranger", "stranger", "", false},
			{"unsigned", "", "", false},
		} {
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body := notFoundBody
				status := 404
				if strings.HasSuffix(r.URL.Path, "/attempts") {
					status, body = 200, `{"status":"success","verifications":[]}`
				}
				if test.by != "" {
					w.Header().Set("X-HMAC-SIGNATURE", mac(body, test.by))
				}
				if test.echo != "" {
					w.Header().Set("X-AUTH-CLIENT", test.echo)
				}
				replyUnsigned(w, status, body)
			})
			c := server.client(t, verifyMode(mode))
			_, err := c.SessionMedia(t.Context(), sessionID)
			var answer *veriff.APIError
			if errors.As(err, &answer) {
				if answer.Authentic != test.authentic || !answer.Formed || !answer.FromAPI() {
					t.Errorf("%s, %s: %+v", mode, test.name, answer)
				}
			} else if test.authentic || !errors.Is(err, veriff.ErrSignature) {
				t.Errorf("%s, %s: %v", mode, test.name, err)
			}
			if list, err := c.SessionAttempts(t.Context(), sessionID); err == nil && (list.Secret >= 0) != test.authentic {
				t.Errorf("%s, %s: a list that was signed by secret %d", mode, test.name, list.Secret)
			}
			server.Close()
			c.Close()
		}
	}
}
