package veriff_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"testing"

	"veriffs/veriff"
)

func TestProbe(t *testing.T) {
	refusal := func(code string) string {
		return `{"status":"fail","code":"` + code + `","message":"no"}`
	}
	warning := errors.New("warning")
	for _, test := range []struct {
		name   string
		status int
		body   string
		by     string // signed by; "" for nobody
		want   error
	}{
		{"not found", 404, notFoundBody, secret, nil},
		{"not found, unsigned", 404, notFoundBody, "", veriff.ErrSignature},
		{"not found, by another secret", 404, notFoundBody, secret2, veriff.ErrSignature},
		{"1801", 401, refusal("1801"), secret, veriff.ErrRefused},
		{"1802", 401, refusal("1802"), secret, veriff.ErrRefused},
		{"1803", 401, refusal("1803"), secret, veriff.ErrRefused},
		{"1804", 401, refusal("1804"), secret, veriff.ErrRefused},
		{"1812", 401, refusal("1812"), secret, veriff.ErrRefused},
		{"1818", 401, refusal("1818"), secret, veriff.ErrRefused},
		{"1818 by another secret", 401, refusal("1818"), secret2, veriff.ErrRefused},
		{"1818 unsigned", 401, refusal("1818"), "", veriff.ErrRefused},
		{"refused by a proxy", 403, "<html>", "", veriff.ErrRefused},
		{"another code", 401, refusal("1101"), secret, warning},
		{"another code, unsigned", 401, refusal("1101"), "", veriff.ErrRefused},
		{"forbidden", 403, refusal("1101"), secret, warning},
		{"found", 200, emptyList, secret, warning},
		{"found, unsigned", 200, emptyList, "", veriff.ErrSignature},
		{"an error as success", 200, notFoundBody, secret, warning},
		{"not a UUID v4", 400, refusal("1002"), secret, warning},
		{"a server's failure", 503, "", "", warning},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if test.by != "" {
					w.Header().Set("X-HMAC-SIGNATURE", mac(test.body, test.by))
				}
				replyUnsigned(w, test.status, test.body)
			})
			err := server.client(t).Probe(context.Background())
			var u *veriff.Unexpected
			if got := errors.As(err, &u); got != (test.want == warning) {
				t.Fatalf("Probe = %v, want %v", err, test.want)
			}
			if u == nil {
				wantError(t, err, test.want)
			}
			wantClean(t, err)
		})
	}
}

// Of an address with a path it has to be shown that it is the API's.
func TestProbeOfAPath(t *testing.T) {
	refused := errors.New("refused")
	warning := errors.New("warning")
	for _, test := range []struct {
		name   string
		mode   veriff.VerifyMode
		path   string
		status int
		body   string
		signed bool
		want   error
	}{
		{"the API's", veriff.VerifyRequire, "/station", 404, notFoundBody, true, nil},
		{"the API's, with /v1", veriff.VerifyRequire, "/station/v1/", 404, notFoundBody, true, nil},
		{"signed, of another form", veriff.VerifyRequire, "/station", 404, "nothing", true, nil},
		{"of the API's form", veriff.VerifyOff, "/station", 404, notFoundBody, false, nil},
		{"the API's refusal", veriff.VerifyRequire, "/station", 401, `{"status":"fail","code":"1818","message":"no"}`, false, veriff.ErrRefused},
		{"unsigned", veriff.VerifyRequire, "/station", 404, "<html>", false, veriff.ErrSignature},
		{"another server", veriff.VerifyPresent, "/some/path", 404, "<html>", false, refused},
		{"another server, off", veriff.VerifyOff, "/some/path", 404, "<html>", false, refused},
		{"finds everything", veriff.VerifyPresent, "/some/path", 200, "<html>", false, refused},
		{"a list of the API's", veriff.VerifyRequire, "/station", 200, emptyList, true, warning},
		{"forbids", veriff.VerifyRequire, "/some/path", 403, "<html>", false, refused},
		{"fails", veriff.VerifyRequire, "/some/path", 503, "<html>", false, refused},
		{"limits", veriff.VerifyRequire, "/some/path", 429, "<html>", false, refused},
		{"no path", veriff.VerifyPresent, "", 404, "<html>", false, nil},
		{"v1 alone", veriff.VerifyPresent, "/v1", 404, "<html>", false, nil},
		{"no path, fails", veriff.VerifyPresent, "/", 503, "<html>", false, warning},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if test.signed {
					reply(w, test.status, test.body)
				} else {
					replyUnsigned(w, test.status, test.body)
				}
			})
			client := newClient(t, server.URL+test.path, verifyMode(test.mode))
			client.Hurry()
			err := client.Probe(t.Context())
			var (
				u *veriff.Unexpected
				c *veriff.ConfigError
			)
			switch {
			case errors.As(err, &c) != (test.want == refused), errors.As(err, &u) != (test.want == warning):
				t.Errorf("Probe = %v, want %v", err, test.want)
			case c == nil && u == nil:
				wantError(t, err, test.want)
			}
		})
	}
	wantError(t, newClient(t, "http://127.0.0.1:1/some/path").Probe(t.Context()), veriff.ErrUnreachable)
}

func TestProbeIsSigned(t *testing.T) {
	ids := make(map[string]bool)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var id string
		if m := regexp.MustCompile(`^/v1/sessions/([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})/media$`).FindStringSubmatch(r.URL.Path); m != nil {
			id = m[1]
		}
		if ids[id] || r.Header.Get("X-HMAC-SIGNATURE") != mac(id, secret) {
			t.Errorf("probe of %s", r.URL)
		}
		ids[id] = true
		reply(w, 404, notFoundBody)
	})
	c := server.client(t)
	for range 3 {
		if err := c.Probe(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(c.Stats().Requests); got != "map[{probe not found}:3]" {
		t.Errorf("stats: %s", got)
	}
}

func TestProbeUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	wantError(t, newClient(t, "http://"+l.Addr().String()).Probe(context.Background()), veriff.ErrUnreachable)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantError(t, newClient(t, "http://"+l.Addr().String()).Probe(ctx), context.Canceled)
}
