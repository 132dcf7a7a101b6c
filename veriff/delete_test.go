package veriff_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// TestDeleteSession asks for a deletion once, whatever is answered, and tells what may
// have been carried out from what was not.
func TestDeleteSession(t *testing.T) {
	const accepted = `{"status":"success","verification":{"id":"` + idText + `"}}`
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		verify    veriff.VerifyMode
		want      error
		accepted  bool
		uncertain bool
	}{
		"accepted": {accepted: true, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, accepted) }},
		"accepted, unsigned": {uncertain: true, want: veriff.ErrSignature, answer: func(w http.ResponseWriter, _ *http.Request) {
			replyUnsigned(w, 200, accepted)
		}},
		"accepted, unsigned, which is allowed": {accepted: true, verify: veriff.VerifyPresent, answer: func(w http.ResponseWriter, _ *http.Request) {
			replyUnsigned(w, 200, accepted)
		}},
		"of another session": {uncertain: true, want: veriff.ErrBody, answer: func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, `{"status":"success","verification":{"id":"bea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"}}`)
		}},
		"another document": {uncertain: true, want: veriff.ErrBody, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, emptyList) }},
		"switched off":     {want: veriff.ErrRefused, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 403, `{"status":"fail","message":"Forbidden"}`) }},
		"no session":       {want: veriff.ErrNotFound, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, notFoundBody) }},
		"a limit":          {want: veriff.ErrRateLimited, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 429, `{"status":"fail","message":"Too many"}`) }},
		"not complete": {want: veriff.ErrNotDeletable, answer: func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 400, `{"status":400,"code":"1305","message":"Session is not in a completed status."}`)
		}},
		"a server's failure": {uncertain: true, want: veriff.ErrServer, answer: func(w http.ResponseWriter, _ *http.Request) { reply(w, 500, `{"status":"fail","message":"x"}`) }},
		"a redirect": {want: new(veriff.APIError), answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/")
			reply(w, 307, "")
		}},
		"no answer": {uncertain: true, want: veriff.ErrNoAnswer, answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.answer)
			client := s.client(t, func(config *veriff.Config) { config.Verify = c.verify })
			d, err := client.DeleteSession(t.Context(), sessionID)
			var answer *veriff.APIError
			if _, other := c.want.(*veriff.APIError); other {
				if !errors.As(err, &answer) {
					t.Errorf("error %v", err)
				}
			} else if !errors.Is(err, c.want) {
				t.Errorf("error %v, not %v", err, c.want)
			}
			if d.Accepted != c.accepted || d.Uncertain != c.uncertain || errors.Is(err, veriff.ErrUncertain) != c.uncertain || d.Requested.IsZero() {
				t.Errorf("%+v", d)
			}
			if n := s.asked(); n != 1 {
				t.Errorf("%d requests were sent", n)
			}
			if r := s.requests[0]; r.Method != http.MethodDelete || r.URL.Path != "/v1/sessions/"+idText || r.Header.Get("X-HMAC-SIGNATURE") != mac(idText, secret) {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			if !client.HeldUntil().IsZero() {
				t.Error("the limit of deletions holds up all requests")
			}
		})
	}
}

// TestDeleteSessionUnsent: without a connection nothing is uncertain.
func TestDeleteSessionUnsent(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	client := s.client(t)
	s.Close()
	d, err := client.DeleteSession(t.Context(), sessionID)
	if !errors.Is(err, veriff.ErrUnreachable) || d.Uncertain || !d.Requested.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestDeleteSessionAtTheStandIn: off at first, then limited, and 404 afterwards.
func TestDeleteSessionAtTheStandIn(t *testing.T) {
	world := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 8, Files: 1}})
	server, err := sandbox.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := veriff.New(veriff.Config{BaseURL: server.URL, APIKey: world.APIKey, Secrets: world.Secrets()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ids := world.SessionIDs()
	if _, err := client.DeleteSession(ctx, ids[0]); !errors.Is(err, veriff.ErrRefused) {
		t.Errorf("switched off: %v", err)
	}
	world.AllowDeletion(true)
	for i, id := range ids[:6] {
		d, err := client.DeleteSession(ctx, id)
		if i < 5 && (err != nil || !d.Accepted || !d.Signed) || i == 5 && !errors.Is(err, veriff.ErrRateLimited) {
			t.Errorf("%d: %+v, %v", i, d, err)
		}
	}
	if _, err := client.SessionMedia(ctx, ids[0]); !errors.Is(err, veriff.ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
	if _, err := client.DeleteSession(ctx, ids[0]); !errors.Is(err, veriff.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
	if _, err := client.SessionMedia(ctx, ids[5]); err != nil {
		t.Errorf("a session that was not deleted: %v", err)
	}
}
