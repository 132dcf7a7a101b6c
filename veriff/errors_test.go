package veriff_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"veriffs/veriff"

	"github.com/google/go-cmp/cmp"
)

// What an answer's status makes of a call, signed and unsigned, and how many
// requests it costs.
func TestStatus(t *testing.T) {
	unexpected := error(nil) // an *APIError within none of the sentinels
	for _, test := range []struct {
		status           int
		signed, unsigned error
		requests         int
	}{
		{204, unexpected, veriff.ErrSignature, 1},
		{206, unexpected, veriff.ErrSignature, 1},
		{304, unexpected, veriff.ErrSignature, 1},
		{400, unexpected, veriff.ErrSignature, 1},
		{401, veriff.ErrRefused, veriff.ErrRefused, 1},
		{403, veriff.ErrRefused, veriff.ErrRefused, 1},
		{404, veriff.ErrNotFound, veriff.ErrSignature, 1},
		{410, unexpected, veriff.ErrSignature, 1},
		{500, veriff.ErrServer, veriff.ErrServer, 4},
		{502, veriff.ErrServer, veriff.ErrServer, 4},
		{503, veriff.ErrServer, veriff.ErrServer, 4},
	} {
		for _, signed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/signed=%v", test.status, signed), func(t *testing.T) {
				t.Parallel()
				body := `{"status":"fail","code":1234,"error":"a reason"}`
				if test.status == 204 || test.status == 304 {
					body = ""
				}
				server := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if signed {
						reply(w, test.status, body)
					} else {
						replyUnsigned(w, test.status, body)
					}
				})
				want := test.unsigned
				if signed {
					want = test.signed
				}
				_, err := server.client(t).SessionMedia(context.Background(), sessionID)
				if server.asked() != test.requests {
					t.Errorf("%d requests, want %d", server.asked(), test.requests)
				}
				var answer *veriff.APIError
				if want != unexpected {
					wantError(t, err, want)
				} else if !errors.As(err, &answer) {
					t.Fatalf("error = %v, want an APIError", err)
				} else {
					for _, s := range sentinels {
						if errors.Is(err, s) {
							t.Errorf("error %v is %v", err, s)
						}
					}
				}
				// An unauthenticated answer is nobody's word: no status is
				// passed on that a caller could act upon.
				if want == veriff.ErrSignature {
					if errors.As(err, &answer) {
						t.Errorf("error %v passes on an unauthenticated answer", err)
					}
					return
				}
				if !errors.As(err, &answer) {
					t.Fatalf("error %v holds no APIError", err)
				}
				wantAnswer := &veriff.APIError{Status: test.status, Authentic: signed}
				if body != "" {
					wantAnswer.Code, wantAnswer.Message, wantAnswer.Formed = "1234", "a reason", true
				}
				if diff := cmp.Diff(wantAnswer, answer); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A refusal says what is likely wrong, which settings to check, and whether it
// is anyone's word.
func TestRefusal(t *testing.T) {
	const url, key, shared = veriff.SettingURL, veriff.SettingKey, veriff.SettingSecret
	html := "<html>"
	for _, test := range []struct {
		code, by string
		words    string
		settings []veriff.Setting
	}{
		{"1801", secret, "proxy", []veriff.Setting{key}},
		{"1802", secret, "not a UUID", []veriff.Setting{key}},
		{"1803", secret, "no integration has this API key", []veriff.Setting{key, url}},
		{"1804", secret, "switched off", nil},
		{"1812", secret, "proxy", []veriff.Setting{shared, key}},
		{"1818", secret, "the shared secret", []veriff.Setting{shared, key}},
		{"1818", "the secret that we should have", "the shared secret", []veriff.Setting{shared, key}},
		{"1818", "", "the shared secret", []veriff.Setting{shared, key}},
		{"1999", "", "does not say why", []veriff.Setting{key, shared}},
		{html, "", "not the API's own answer", []veriff.Setting{url}},
	} {
		body := `{"status":"fail","code":"` + test.code + `","message":"no"}`
		if test.code == html {
			body = html
		}
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if test.by != "" {
				w.Header().Set("X-HMAC-SIGNATURE", mac(body, test.by))
			}
			replyUnsigned(w, 401, body)
		})
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrRefused)
		var answer *veriff.APIError
		if !errors.As(err, &answer) || !slices.Equal(answer.Refusal().Settings, test.settings) {
			t.Errorf("code %s: settings %v, want %v", test.code, answer.Refusal().Settings, test.settings)
		}
		if !strings.Contains(err.Error(), test.words) {
			t.Errorf("code %s: %v does not mention %s", test.code, err, test.words)
		}
		if got := strings.Contains(err.Error(), "not authenticated"); got == (test.by == secret) {
			t.Errorf("code %s, signed by %q: %v", test.code, test.by, err)
		}
	}
}

// What a server says is shown short, printable and without credentials.
func TestMessageIsPresentable(t *testing.T) {
	for _, test := range []struct{ name, message, want string }{
		{"plain", "Session not found", "Session not found"},
		{"control characters", `a\u0000b\r\n\u001b[31mc\u202ed`, "ab[31mcd"},
		{"our secret", "bad secret " + secret + "!", "bad secret [redacted]!"},
		{"our secret, hidden", "bad secret " + secret[:5] + `\u0007` + secret[5:], "bad secret [redacted]"},
		{"our key", key, "[redacted]"},
		{"a signature", "got " + strings.ToUpper(mac(idText, secret)), "got [redacted]"},
		{"long", strings.Repeat("é", 150), strings.Repeat("é", 100)},
		{"long, odd", "x" + strings.Repeat("é", 150), "x" + strings.Repeat("é", 99)},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			reply(w, 404, `{"status":"fail","code":"`+strings.Repeat("9", 50)+`","message":"`+test.message+`"}`)
		})
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, veriff.ErrNotFound)
		var answer *veriff.APIError
		if !errors.As(err, &answer) || answer.Message != test.want || len(answer.Code) != 32 || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: %#v, want message %q", test.name, answer, test.want)
		}
	}
}

// An error's body is read as far as it is needed and no further.
func TestErrorBodyBound(t *testing.T) {
	pad := strings.Repeat(" ", veriff.MaxError-len(notFoundBody))
	for _, test := range []struct {
		name, body string
		want       error
	}{
		{"at the bound", notFoundBody + pad, veriff.ErrNotFound},
		{"over the bound", notFoundBody + pad + " ", veriff.ErrBody},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 404, test.body) })
		_, err := server.client(t).SessionMedia(context.Background(), sessionID)
		wantError(t, err, test.want)
		if server.asked() != 1 {
			t.Errorf("%s: %d requests", test.name, server.asked())
		}
	}
	// A 500 whose body does not end is a 500.
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	_, err := server.client(t).SessionMedia(context.Background(), sessionID)
	wantError(t, err, veriff.ErrServer)
}
