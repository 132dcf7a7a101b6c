package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestGeneratedWorldIsDeterministic(t *testing.T) {
	scale := sandbox.Scale{Sessions: 20, Attempts: 2, Files: 5, FileSize: 1000, Seed: 7}
	describe := func(scale sandbox.Scale) string {
		s := sandbox.New(sandbox.Options{Scale: scale})
		var b strings.Builder
		for _, session := range s.Sessions() {
			for _, a := range session.Attempts {
				fmt.Fprintln(&b, session.ID, a.ID, a.Created)
				for _, f := range a.Media {
					fmt.Fprintf(&b, "%s %s %d %x\n", f.ID, f.MIMEType, f.Size, s.Bytes(f.ID))
				}
			}
			b.Write(s.Document(sandbox.SessionMedia, session.ID))
		}
		return b.String()
	}
	first := describe(scale)
	if first != describe(scale) {
		t.Error("two worlds of the same scale differ")
	}
	scale.Seed = 8
	if first == describe(scale) {
		t.Error("another seed gives the same world")
	}
}

func TestGeneratedWorldIsWhole(t *testing.T) {
	s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 300, Attempts: 3, Files: 4, FileSize: 64}})
	seen, contents := map[string]bool{}, map[string]bool{}
	var last time.Time
	for _, session := range s.Sessions() {
		seen[session.ID.String()] = true
		for _, a := range session.Attempts {
			seen[a.ID.String()] = true
			if !last.IsZero() && !a.Created.Before(last) {
				t.Fatalf("attempt of %v after one of %v: not the newest first", a.Created, last)
			}
			last = a.Created
			for _, f := range a.Media {
				seen[f.ID.String()] = true
				contents[string(s.Bytes(f.ID))] = true
				if id := f.ID.String(); id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
					t.Fatalf("%s is no UUID v4", id)
				}
			}
		}
	}
	if want := 300 + 900 + 3600; len(seen) != want || len(contents) != 3600 {
		t.Errorf("%d ids, want %d; %d different contents, want 3600", len(seen), want, len(contents))
	}
}

// A million files are made in no time and no memory; this would take minutes
// and gigabytes otherwise.
func TestMillionFiles(t *testing.T) {
	s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 100_000, Files: 10, FileSize: 1 << 30}})
	ids := s.SessionIDs()
	if len(ids) != 100_000 {
		t.Fatalf("%d sessions", len(ids))
	}
	session, ok := s.Session(ids[77_777])
	if !ok || session.ID != ids[77_777] {
		t.Fatal("session not found by its id")
	}
	f := session.Attempts[0].Media[9]
	content, ok := s.Open(f.ID)
	if !ok || content.Size() != 1<<30 {
		t.Fatal("file not found by its id")
	}
	if allocated := testing.AllocsPerRun(10, func() { s.Open(f.ID) }); allocated > 10 {
		t.Errorf("finding a file takes %v allocations", allocated)
	}
}

func TestContentReadsTheSameInAnyPieces(t *testing.T) {
	s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 1, FileSize: 777}})
	id := s.Sessions()[0].Attempts[0].Media[0].ID
	r, _ := s.Open(id)
	if err := iotest.TestReader(r, s.Bytes(id)); err != nil {
		t.Error(err)
	}
	if b := s.Bytes(id); bytes.Count(b, b[:1]) > 50 {
		t.Error("content isn't noise")
	}
}

func TestChangesOfTheWorld(t *testing.T) {
	for name, o := range map[string]sandbox.Options{
		"demo": {}, "generated": {Scale: sandbox.Scale{Sessions: 4, Attempts: 2, Files: 3, FileSize: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandbox.New(o)
			server := serve(t, s)
			session := s.Sessions()[0]
			sid := session.ID.String()
			sessionMedia := func() map[string]bool {
				ids, _ := list(t, get(t, s, server, "/v1/sessions/"+sid+"/media", sid))
				set := map[string]bool{}
				for _, id := range ids {
					set[id] = true
				}
				return set
			}
			old := session.Attempts[0].Media
			gone := old[0].ID
			before, _ := s.Session(session.ID)
			s.DeleteMedia(gone)
			if len(before.Attempts[0].Media) != len(old) || before.Attempts[0].Media[0].ID != gone {
				t.Error("a session handed out has changed")
			}
			if set := sessionMedia(); set[gone.String()] || len(set) != len(old)-1 {
				t.Errorf("deleted file is listed: %v", set)
			}
			if a := get(t, s, server, "/v1/media/"+gone.String(), gone.String()); a.status != 404 || !a.genuine(s, s.Secrets()[0]) {
				t.Errorf("deleted file: %d", a.status)
			}
			s.ReplaceMedia(old[1].ID, []byte("other"))
			if a := get(t, s, server, "/v1/media/"+old[1].ID.String(), old[1].ID.String()); string(a.body) != "other" || !a.genuine(s, s.Secrets()[0]) {
				t.Errorf("replaced file: %q", a.body)
			}

			added, ok := s.AddAttempt(session.ID, sandbox.Attempt{
				Created: time.Date(2026, 7, 1, 12, 0, 0, 5e6, time.UTC),
				Media:   []sandbox.File{sandbox.NewFile("face", "image/png", []byte("new"))},
			})
			if !ok || added.ID.IsZero() || added.Media[0].ID.IsZero() {
				t.Fatalf("attempt not added: %v %+v", ok, added)
			}
			if diff := cmp.Diff(map[string]bool{added.Media[0].ID.String(): true}, sessionMedia()); diff != "" {
				t.Errorf("the new attempt doesn't replace the list: %s", diff)
			}
			var attempts struct {
				Verifications []struct{ ID, CreatedTime string }
			}
			if err := json.Unmarshal(s.Document(sandbox.SessionAttempts, session.ID), &attempts); err != nil {
				t.Fatal(err)
			}
			if v := attempts.Verifications; len(v) != len(session.Attempts)+1 || v[0].ID != added.ID.String() || v[0].CreatedTime != "2026-07-01T12:00:00.005Z" {
				t.Errorf("attempts: %+v", v)
			}
			if b := s.Bytes(old[2].ID); b == nil {
				t.Error("the older attempt's files are gone")
			}
			again := s.AddSession(sandbox.Session{Attempts: []sandbox.Attempt{{}}})
			if ids := s.SessionIDs(); ids[0] != again.ID {
				t.Error("the added session isn't the first")
			}

			n := len(s.SessionIDs())
			s.DeleteSession(session.ID)
			if ids := s.SessionIDs(); len(ids) != n-1 {
				t.Errorf("%d sessions after the deletion of one of %d", len(ids), n)
			}
			for _, path := range []string{"media", "attempts", "decision", "person"} {
				if a := get(t, s, server, "/v1/sessions/"+sid+"/"+path, sid); a.status != 404 || !a.genuine(s, s.Secrets()[0]) {
					t.Errorf("%s of a deleted session: %d", path, a.status)
				}
			}
			for _, id := range []string{added.Media[0].ID.String(), old[2].ID.String()} {
				if a := get(t, s, server, "/v1/media/"+id, id); a.status != 404 || s.Bytes(parseMedia(t, id)) != nil {
					t.Errorf("file of a deleted session: %d", a.status)
				}
			}
			if _, ok := s.AddAttempt(session.ID, sandbox.Attempt{}); ok {
				t.Error("an attempt was added to a deleted session")
			}
		})
	}
}

// magic is how files of each type begin.
var magic = map[string]string{
	"image/jpeg": "\xff\xd8\xff", "image/jpg": "\xff\xd8\xff", "image/png": "\x89PNG\r\n", "image/webp": "RIFF",
	"image/heic": "\x00\x00\x00", "application/pdf": "%PDF-", "video/webm": "\x1a\x45\xdf\xa3", "video/mp4": "\x00\x00\x00",
	"application/json": "{",
}

func TestDemoSet(t *testing.T) {
	s := sandbox.New(sandbox.Options{})
	types, total := map[string]bool{}, int64(0)
	duplicates, several, noVideo, noNFC, empty, undated := false, false, false, false, false, false
	contents := map[string]veriff.MediaID{}
	for _, session := range s.Sessions() {
		several = several || len(session.Attempts) > 2
		for _, a := range session.Attempts {
			undated = undated || a.Created.IsZero()
			contexts, video, nfc := map[string]bool{}, false, false
			for _, f := range a.Media {
				b := s.Bytes(f.ID)
				total += f.Size
				if prefix, known := magic[f.MIMEType]; !known || !bytes.HasPrefix(b, []byte(prefix)) {
					t.Errorf("%s of %s isn't %s", f.Context, session.Person.FirstName, f.MIMEType)
				}
				switch f.MIMEType {
				case "image/jpeg", "image/jpg", "image/png":
					picture, _, err := image.Decode(bytes.NewReader(b))
					if err != nil || picture.Bounds().Dx() < 300 {
						t.Errorf("%s of %s: %v", f.Context, session.Person.FirstName, err)
					}
				case "application/json":
					nfc = true
					p := session.Person
					for _, want := range []string{p.FirstName + " " + p.LastName, p.DocumentNumber, p.Born, p.Expires, p.PersonalNumber, p.PlaceOfBirth} {
						if !json.Valid(b) || !bytes.Contains(b, []byte(want)) {
							t.Errorf("chip data of %s lacks %q", p.FirstName, want)
						}
					}
				}
				if other, twice := contents[string(b)]; twice {
					t.Errorf("%s and %s are the same", f.ID, other)
				}
				contents[string(b)] = f.ID
				types[f.MIMEType] = true
				duplicates = duplicates || contexts[f.Context]
				contexts[f.Context] = true
				video = video || strings.HasPrefix(f.MIMEType, "video/")
			}
			if len(a.Media) == 0 {
				empty = true
			} else {
				noVideo, noNFC = noVideo || !video, noNFC || !nfc
			}
		}
	}
	for mimetype := range magic {
		if !types[mimetype] {
			t.Errorf("no file of type %s", mimetype)
		}
	}
	if !duplicates || !several || !noVideo || !noNFC || !empty || !undated {
		t.Errorf("missing: duplicate contexts %v, several attempts %v, no video %v, no NFC %v, empty %v, undated %v",
			duplicates, several, noVideo, noNFC, empty, undated)
	}
	if total > 4<<20 {
		t.Errorf("%d bytes of assets", total)
	}
}

// BenchmarkServe is what the stand-in itself costs: a file of 1 MiB, made,
// signed and sent over loopback.
func BenchmarkServe(b *testing.B) {
	s := sandbox.New(sandbox.Options{Scale: sandbox.Scale{Sessions: 1000, FileSize: 1 << 20}})
	server, err := sandbox.Listen(s)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	var ids []string
	for _, session := range s.Sessions() {
		ids = append(ids, session.Attempts[0].Media[0].ID.String())
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	b.SetBytes(1 << 20)
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/v1/media/"+id, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("X-AUTH-CLIENT", s.APIKey)
		req.Header.Set("X-HMAC-SIGNATURE", mac(s.Secrets()[0], []byte(id)))
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 1<<20 {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
}
