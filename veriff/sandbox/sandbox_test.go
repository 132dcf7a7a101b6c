package sandbox_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// serve starts a server for the sandbox that ends with the test.
func serve(t *testing.T, s *sandbox.Sandbox) *sandbox.Server {
	t.Helper()
	server, err := sandbox.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// answer is a reply as it arrived: err is what ended the body early.
type answer struct {
	status int
	header http.Header
	body   []byte
	length int64
	err    error
}

// do sends a request with the headers given as name, value pairs, over a
// connection of its own and without following redirects.
func do(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body, resp.ContentLength, err}
}

// get sends a well-signed GET for a path that ends in or contains the id.
func get(t *testing.T, s *sandbox.Sandbox, server *sandbox.Server, path, id string) answer {
	t.Helper()
	return do(t, http.MethodGet, server.URL+path,
		"X-AUTH-CLIENT", s.APIKey, "X-HMAC-SIGNATURE", mac(s.Secrets()[0], []byte(id)))
}

// mac is the signature as the documentation describes it.
func mac(secret string, message []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(message)
	return hex.EncodeToString(h.Sum(nil))
}

// genuine reports whether a reply carries the key and its body's signature.
func (a answer) genuine(s *sandbox.Sandbox, secret string) bool {
	return a.header.Get("X-AUTH-CLIENT") == s.APIKey && a.header.Get("X-HMAC-SIGNATURE") == mac(secret, a.body)
}

func TestSignatureVector(t *testing.T) {
	got := mac("abcdef12-abcd-abcd-abcd-abcdef012345", []byte("aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"))
	if want := "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd"; got != want {
		t.Fatalf("the test's own HMAC is wrong: %s", got)
	}
}

func TestAuthentication(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	server := serve(t, s)
	session := s.Sessions()[0]
	media := session.Attempts[0].Media[0].ID.String()
	path := "/v1/media/" + media
	secrets := s.Secrets()
	good := mac(secrets[0], []byte(media))
	unknown := "0b5f2f0e-9d6c-4d0a-9a52-6a1d8a2a0001"

	for _, c := range []struct {
		name, method, path, key, signature string
		status                             int
		code, message                      string
	}{
		{"accepted", "GET", path, s.APIKey, good, 200, "", ""},
		{"second secret", "GET", path, s.APIKey, mac(secrets[1], []byte(media)), 200, "", ""},
		{"query is not signed", "GET", path + "?a=b", s.APIKey, good, 200, "", ""},
		{"no key", "GET", path, "", good, 401, "1801", "missing"},
		{"key not a UUID", "GET", path, "my-key", good, 401, "1802", "UUID"},
		{"unknown key", "GET", path, unknown, good, 401, "1803", "No integration"},
		{"no signature", "GET", path, s.APIKey, "", 401, "1812", "SHA-256"},
		{"short signature", "GET", path, s.APIKey, good[:40], 401, "1812", "SHA-256"},
		{"not hex", "GET", path, s.APIKey, "zz" + good[2:], 401, "1812", "SHA-256"},
		{"wrong secret", "GET", path, s.APIKey, mac("x", []byte(media)), 401, "1818", "match"},
		{"session id signed for media", "GET", path, s.APIKey, mac(secrets[0], []byte(session.ID.String())), 401, "1818", "match"},
		{"not a method", "POST", path, s.APIKey, good, 405, "", "not allowed"},
		{"head", "HEAD", path, s.APIKey, good, 405, "", ""},
		{"short id", "GET", "/v1/media/abc", s.APIKey, mac(secrets[0], []byte("abc")), 400, "1001", "length"},
		{"not v4", "GET", "/v1/media/6ba7b810-9dad-11d1-80b4-00c04fd430c8", s.APIKey, mac(secrets[0], []byte("6ba7b810-9dad-11d1-80b4-00c04fd430c8")), 400, "1002", "v4"},
		{"no such media", "GET", "/v1/media/" + unknown, s.APIKey, mac(secrets[0], []byte(unknown)), 404, "", "Resource not found"},
		{"no such session", "GET", "/v1/sessions/" + unknown + "/media", s.APIKey, mac(secrets[0], []byte(unknown)), 404, "", "Session not found"},
		{"no such attempts", "GET", "/v1/sessions/" + unknown + "/attempts", s.APIKey, mac(secrets[0], []byte(unknown)), 404, "", "Session not found"},
		{"no such attempt", "GET", "/v1/attempts/" + unknown + "/media", s.APIKey, mac(secrets[0], []byte(unknown)), 404, "", "Attempt not found"},
		{"no such path", "GET", "/v1/verifications", s.APIKey, good, 404, "", "Resource not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.key != "" {
				headers = append(headers, "X-AUTH-CLIENT", c.key)
			}
			if c.signature != "" {
				headers = append(headers, "X-HMAC-SIGNATURE", c.signature)
			}
			a := do(t, c.method, server.URL+c.path, headers...)
			if a.err != nil || a.status != c.status {
				t.Fatalf("status %d, error %v; want %d", a.status, a.err, c.status)
			}
			if c.method != "HEAD" && !a.genuine(s, secrets[0]) {
				t.Error("reply isn't signed over its body")
			}
			if a.status == 200 || c.method == "HEAD" {
				return
			}
			var envelope struct{ Status, Code, Message string }
			if err := json.Unmarshal(a.body, &envelope); err != nil {
				t.Fatal(err)
			}
			if envelope.Status != "fail" || envelope.Code != c.code || !strings.Contains(envelope.Message, c.message) {
				t.Errorf("got %+v", envelope)
			}
		})
	}

	s.SetActive(false)
	if a := get(t, s, server, path, media); a.status != 401 || !strings.Contains(string(a.body), `"1804"`) {
		t.Errorf("inactive integration: %d %s", a.status, a.body)
	}
	s.SetActive(true)
	s.SignWith(1)
	if a := get(t, s, server, path, media); !a.genuine(s, secrets[1]) {
		t.Error("reply isn't signed with the second secret")
	}
	s.SetSecrets("new")
	if a := do(t, "GET", server.URL+path, "X-AUTH-CLIENT", s.APIKey, "X-HMAC-SIGNATURE", good); a.status != 401 {
		t.Errorf("a secret that was rotated away is accepted: %d", a.status)
	}
}

// listed is a media list as a client sees it.
type listed struct {
	Status                       string
	Images, Videos, NFCDocuments []struct {
		ID, Context, Name, MIMEType, SessionID, URL string
		Size                                        json.RawMessage
	}
}

func list(t *testing.T, a answer) (ids []string, l listed) {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("list: %d %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &l); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	for _, array := range [][]struct {
		ID, Context, Name, MIMEType, SessionID, URL string
		Size                                        json.RawMessage
	}{l.Images, l.Videos, l.NFCDocuments} {
		for _, item := range array {
			ids = append(ids, item.ID)
		}
	}
	return ids, l
}

func TestServedIsGroundTruth(t *testing.T) {
	worlds := map[string]sandbox.Options{
		"demo":      {},
		"generated": {Scale: sandbox.Scale{Sessions: 3, Attempts: 2, Files: 9, FileSize: 4099}},
	}
	for name, o := range worlds {
		t.Run(name, func(t *testing.T) {
			s := sandbox.New(o)
			server := serve(t, s)
			files := 0
			for _, session := range s.Sessions() {
				for i, a := range session.Attempts {
					paths := []string{"/v1/attempts/" + a.ID.String() + "/media"}
					ids := []string{a.ID.String()}
					if i == 0 {
						paths = append(paths, "/v1/sessions/"+session.ID.String()+"/media")
						ids = append(ids, session.ID.String())
					}
					for j := range paths {
						got, _ := list(t, get(t, s, server, paths[j], ids[j]))
						want := map[string]bool{}
						for _, f := range a.Media {
							want[f.ID.String()] = true
						}
						have := map[string]bool{}
						for _, id := range got {
							have[id] = true
						}
						if diff := cmp.Diff(want, have); diff != "" || len(got) != len(want) {
							t.Errorf("%s: %s", paths[j], diff)
						}
					}
					for _, f := range a.Media {
						files++
						reply := get(t, s, server, "/v1/media/"+f.ID.String(), f.ID.String())
						truth := s.Bytes(f.ID)
						if !bytes.Equal(reply.body, truth) || int64(len(truth)) != f.Size || reply.length != f.Size {
							t.Errorf("%s: %d bytes, %d announced, truth %d, size %d", f.Context, len(reply.body), reply.length, len(truth), f.Size)
						}
						if !reply.genuine(s, s.Secrets()[0]) || reply.header.Get("Content-Type") != f.MIMEType {
							t.Errorf("%s: headers %v", f.Context, reply.header)
						}
					}
				}
			}
			if files == 0 {
				t.Fatal("no files seen")
			}
		})
	}
}

func TestDocumentsAreWhatIsAnswered(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	server := serve(t, s)
	decisions := map[string]bool{}
	for _, session := range s.Sessions() {
		id := session.ID.String()
		for _, kind := range []sandbox.Kind{
			sandbox.SessionMedia, sandbox.SessionAttempts, sandbox.Decision, sandbox.PersonData, sandbox.Watchlist,
		} {
			path := map[sandbox.Kind]string{sandbox.SessionMedia: "media", sandbox.SessionAttempts: "attempts"}[kind]
			if path == "" {
				path = string(kind)
			}
			a := get(t, s, server, "/v1/sessions/"+id+"/"+path, id)
			if !bytes.Equal(a.body, s.Document(kind, session.ID)) || !json.Valid(a.body) {
				t.Errorf("%s of %s: %s", kind, session.Title, a.body)
			}
		}
		var decision struct {
			Verification *struct{ Status string }
		}
		if err := json.Unmarshal(s.Document(sandbox.Decision, session.ID), &decision); err != nil {
			t.Fatal(err)
		}
		if decision.Verification == nil {
			decisions["null"] = true
		} else {
			decisions[decision.Verification.Status] = true
		}
	}
	want := map[string]bool{"null": true, "approved": true, "declined": true, "resubmission_requested": true, "review": true}
	if diff := cmp.Diff(want, decisions); diff != "" {
		t.Error(diff)
	}
}

func parseMedia(t *testing.T, id string) veriff.MediaID {
	t.Helper()
	m, err := veriff.ParseMediaID(id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
