package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"net/http/httptest"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// one is a world with one file of a hundred thousand bytes and one of three.
func one(t *testing.T) (s *sandbox.Sandbox, server *sandbox.Server, file sandbox.File, other sandbox.File) {
	t.Helper()
	s = sandbox.New(sandbox.Options{Empty: true})
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	session := s.AddSession(sandbox.Session{Attempts: []sandbox.Attempt{{Media: []sandbox.File{
		sandbox.NewFile("face", "image/jpeg", content), sandbox.NewFile("nfc", "application/json", []byte("{}\n")),
	}}}})
	media := session.Attempts[0].Media
	return s, serve(t, s), media[0], media[1]
}

func TestFaults(t *testing.T) {
	s, server, file, other := one(t)
	truth, secret := s.Bytes(file.ID), s.Secrets()[0]
	path := "/v1/media/" + file.ID.String()
	whole := func(a answer) bool {
		return a.err == nil && a.status == 200 && bytes.Equal(a.body, truth) && a.genuine(s, secret)
	}
	flipped := func(at int) []byte {
		b := bytes.Clone(truth)
		b[at] ^= 0xff
		return b
	}
	signedWhole := func(a answer) bool { return a.header.Get("X-HMAC-SIGNATURE") == mac(secret, truth) }

	for _, c := range []struct {
		name    string
		effects []sandbox.Effect
		right   func(answer) bool
	}{
		{"status", []sandbox.Effect{sandbox.Status(503)}, func(a answer) bool {
			return a.status == 503 && a.genuine(s, secret) && strings.Contains(string(a.body), `"fail"`) && a.header.Get("Retry-After") == ""
		}},
		{"retry after", []sandbox.Effect{sandbox.Status(429), sandbox.RetryAfter("7")}, func(a answer) bool {
			return a.status == 429 && a.header.Get("Retry-After") == "7"
		}},
		{"status, unsigned", []sandbox.Effect{sandbox.Fail(401, "1803", "x"), sandbox.Unsigned()}, func(a answer) bool {
			return a.status == 401 && a.header.Get("X-HMAC-SIGNATURE") == "" && strings.Contains(string(a.body), "1803")
		}},
		{"unsigned", []sandbox.Effect{sandbox.Unsigned()}, func(a answer) bool {
			return a.status == 200 && bytes.Equal(a.body, truth) && a.header.Get("X-HMAC-SIGNATURE") == ""
		}},
		{"forged", []sandbox.Effect{sandbox.SignedWith("forger")}, func(a answer) bool {
			return bytes.Equal(a.body, truth) && a.genuine(s, "forger")
		}},
		{"nonsense signature", []sandbox.Effect{sandbox.Signature("zz")}, func(a answer) bool {
			return bytes.Equal(a.body, truth) && a.header.Get("X-HMAC-SIGNATURE") == "zz"
		}},
		{"flipped", []sandbox.Effect{sandbox.FlipByte(70_001)}, func(a answer) bool {
			return a.err == nil && bytes.Equal(a.body, flipped(70_001)) && signedWhole(a)
		}},
		{"last flipped", []sandbox.Effect{sandbox.FlipByte(-1)}, func(a answer) bool {
			return a.err == nil && bytes.Equal(a.body, flipped(len(truth)-1)) && signedWhole(a)
		}},
		{"shortened", []sandbox.Effect{sandbox.Shorten(10)}, func(a answer) bool {
			return a.err == nil && a.length == file.Size-10 && bytes.Equal(a.body, truth[:len(truth)-10]) && signedWhole(a)
		}},
		{"shortened, chunked", []sandbox.Effect{sandbox.Shorten(10), sandbox.Chunked()}, func(a answer) bool {
			return a.err == nil && a.length == -1 && bytes.Equal(a.body, truth[:len(truth)-10]) && signedWhole(a)
		}},
		{"chunked", []sandbox.Effect{sandbox.Chunked()}, func(a answer) bool { return a.length == -1 && whole(a) }},
		{"cut", []sandbox.Effect{sandbox.Cut(40_000)}, func(a answer) bool {
			return errors.Is(a.err, io.ErrUnexpectedEOF) && a.length == file.Size && bytes.Equal(a.body, truth[:40_000])
		}},
		{"cut at once", []sandbox.Effect{sandbox.Cut(0)}, func(a answer) bool {
			return errors.Is(a.err, io.ErrUnexpectedEOF) && len(a.body) == 0 && a.status == 200
		}},
		{"cut, chunked", []sandbox.Effect{sandbox.Cut(40_000), sandbox.Chunked()}, func(a answer) bool {
			return errors.Is(a.err, io.ErrUnexpectedEOF) && a.length == -1 && bytes.Equal(a.body, truth[:40_000])
		}},
		{"refused", []sandbox.Effect{sandbox.Refuse()}, func(a answer) bool { return a.err != nil && a.status == 0 }},
		{"envelope", []sandbox.Effect{sandbox.Envelope()}, func(a answer) bool {
			return a.status == 200 && a.genuine(s, secret) && a.header.Get("Content-Type") == "image/jpeg" && strings.Contains(string(a.body), `"fail"`)
		}},
		{"body", []sandbox.Effect{sandbox.Body(200, "text/html", []byte("<html>"))}, func(a answer) bool {
			return a.genuine(s, secret) && string(a.body) == "<html>" && a.header.Get("Content-Type") == "text/html"
		}},
		{"header", []sandbox.Effect{sandbox.Header("Content-Type", "image/png")}, func(a answer) bool {
			return whole(a) && a.header.Get("Content-Type") == "image/png"
		}},
		{"redirect", []sandbox.Effect{sandbox.Redirect("http://elsewhere.example/x")}, func(a answer) bool {
			return a.status == 302 && a.header.Get("Location") == "http://elsewhere.example/x"
		}},
		{"slow but whole", []sandbox.Effect{sandbox.Latency(time.Millisecond), sandbox.Bandwidth(20_000_000)}, whole},
	} {
		t.Run(c.name, func(t *testing.T) {
			fault := s.Set(sandbox.Match{Kind: sandbox.Media, ID: file.ID.String()}, c.effects...)
			if a := get(t, s, server, path, file.ID.String()); !c.right(a) {
				t.Errorf("status %d, length %d, %d bytes, error %v, %v", a.status, a.length, len(a.body), a.err, a.header)
			}
			if a := get(t, s, server, "/v1/media/"+other.ID.String(), other.ID.String()); string(a.body) != "{}\n" {
				t.Errorf("another file is faulty too: %q", a.body)
			}
			if fault.Hits() != 1 {
				t.Errorf("%d hits", fault.Hits())
			}
			fault.Remove()
			if a := get(t, s, server, path, file.ID.String()); !whole(a) {
				t.Errorf("the fault outlives its removal: %d, %v", a.status, a.err)
			}
		})
	}
}

func TestFaultsApplyToTheRequestsMatched(t *testing.T) {
	s, server, file, _ := one(t)
	s.Set(sandbox.Match{Kind: sandbox.Media, Skip: 1, Times: 2}, sandbox.Status(500))
	s.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.Status(502))
	var got []int
	for range 5 {
		got = append(got, get(t, s, server, "/v1/media/"+file.ID.String(), file.ID.String()).status)
	}
	want := []int{200, 500, 500, 200, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	s.ClearFaults()
	session := s.SessionIDs()[0].String()
	if a := get(t, s, server, "/v1/sessions/"+session+"/media", session); a.status != 200 {
		t.Errorf("cleared fault still applies: %d", a.status)
	}
}

func TestStallLastsUntilReleased(t *testing.T) {
	s, server, file, _ := one(t)
	fault := s.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.Stall(25_000))
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1/media/"+file.ID.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-AUTH-CLIENT", s.APIKey)
	req.Header.Set("X-HMAC-SIGNATURE", mac(s.Secrets()[0], []byte(file.ID.String())))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 25_000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	if c := s.Requests(); c.InFlight != 1 || c.BytesSent != 25_000 {
		t.Errorf("while it stalls: %+v", c)
	}
	fault.Release()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(append(first, rest...), s.Bytes(file.ID)) {
		t.Errorf("after the release: %d bytes, %v", len(rest), err)
	}
}

func TestStalledRequestsEndWithTheServer(t *testing.T) {
	s, server, file, _ := one(t)
	fault := s.Set(sandbox.Match{}, sandbox.Stall(10))
	ended := make(chan error, 1)
	go func() { ended <- get(t, s, server, "/v1/media/"+file.ID.String(), file.ID.String()).err }()
	if err := fault.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	server.Down()
	if err := <-ended; err == nil {
		t.Error("the stalled request succeeded")
	}
	if n := s.Requests().InFlight; n != 0 {
		t.Errorf("%d requests still in flight", n)
	}
}

// TestTimeOfAReply runs on a clock that only moves when everything waits.
func TestTimeOfAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 1, FileSize: 100_000}})
		id := s.Sessions()[0].Attempts[0].Media[0].ID
		s.Set(sandbox.Match{}, sandbox.Latency(3*time.Second), sandbox.Bandwidth(20_000))
		r := httptest.NewRequest("GET", "/v1/media/"+id.String(), nil)
		r.Header.Set("X-AUTH-CLIENT", s.APIKey)
		r.Header.Set("X-HMAC-SIGNATURE", mac(s.Secrets()[0], []byte(id.String())))
		w := httptest.NewRecorder()
		start := time.Now()
		s.ServeHTTP(w, r)
		if took := time.Since(start); took != 8*time.Second || w.Body.Len() != 100_000 {
			t.Errorf("%d bytes took %v, want 100000 in 3 s + 5 s", w.Body.Len(), took)
		}
	})
}

func TestListSizes(t *testing.T) {
	s, server, file, other := one(t)
	id := s.SessionIDs()[0].String()
	size := func(of veriff.MediaID) string {
		_, l := list(t, get(t, s, server, "/v1/sessions/"+id+"/media", id))
		for _, item := range append(l.Images, l.NFCDocuments...) {
			if item.ID == of.String() {
				return string(item.Size)
			}
		}
		t.Fatalf("%s is not listed", of)
		return ""
	}
	if got := size(file.ID); got != "100000" {
		t.Errorf("true size: %s", got)
	}
	for _, raw := range []string{`"100000"`, `1e30`, `-5`, `{"x":[]}`, `null`, ``} {
		fault := s.Set(sandbox.Match{}, sandbox.ListSize(raw, file.ID))
		if got := size(file.ID); got != raw {
			t.Errorf("size %q, want %q", got, raw)
		}
		if got := size(other.ID); got != "3" {
			t.Errorf("other file's size %q", got)
		}
		fault.Remove()
	}
	s.Set(sandbox.Match{}, sandbox.ListSize("7"))
	if size(file.ID) != "7" || size(other.ID) != "7" {
		t.Error("a size for all files isn't given for all")
	}
}

func TestServerDownAndUp(t *testing.T) {
	s, server, file, _ := one(t)
	path := "/v1/media/" + file.ID.String()
	server.Down()
	if a := get(t, s, server, path, file.ID.String()); !errors.Is(a.err, syscall.ECONNREFUSED) {
		t.Errorf("down: %d, %v", a.status, a.err)
	}
	if n := s.Requests().Total; n != 0 {
		t.Errorf("%d requests counted", n)
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if a := get(t, s, server, path, file.ID.String()); a.status != 200 {
		t.Errorf("up: %d, %v", a.status, a.err)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	s, server, file, _ := one(t)
	session, media := s.SessionIDs()[0].String(), file.ID.String()
	list, path := "/v1/sessions/"+session+"/media", "/v1/media/"+media
	get(t, s, server, list, session)
	get(t, s, server, path, media)
	get(t, s, server, path, "wrongly signed")
	get(t, s, server, "/elsewhere", "")
	if err := s.WaitRequests(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	c := s.Requests()
	if c.Total != 4 || c.ByKind[sandbox.SessionMedia] != 1 || c.ByKind[sandbox.Media] != 2 ||
		c.ByKind[sandbox.Other] != 1 || c.ByPath[path] != 2 || c.Peak != 1 {
		t.Errorf("%+v", c)
	}
	if p := s.Paths(); len(p) != 4 || p[0] != list || p[1] != path {
		t.Errorf("%v", p)
	}
	s.ResetRequests()
	if c := s.Requests(); c.Total != 0 || len(c.ByPath) != 0 || len(s.Paths()) != 0 {
		t.Errorf("after reset: %+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitRequests(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: %v", err)
	}
}

func TestKeyOrderVaries(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	id := s.SessionIDs()[0]
	seen := map[string]bool{}
	var first any
	for range 8 {
		body := s.Document(sandbox.SessionMedia, id)
		if !bytes.Equal(body, s.Document(sandbox.SessionMedia, id)) {
			t.Fatal("the order changes by itself")
		}
		seen[string(body)] = true
		var decoded map[string]any
		if err := json.Unmarshal(body, &decoded); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = len(decoded["images"].([]any))
		} else if len(decoded["images"].([]any)) != first {
			t.Error("another number of images")
		}
		s.ReorderLists()
	}
	if len(seen) < 8 {
		t.Errorf("only %d orders of eight", len(seen))
	}
}
