package sandbox

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"veriffs/veriff"
)

// Scale asks for a generated world. Every id, time and byte of it is computed
// from its number when it is asked for, so that its size costs nothing; two
// worlds of the same Scale are the same. At most 2^30 files.
type Scale struct {
	Sessions  int
	Attempts  int           // a session; default 1
	Files     int           // an attempt; default 1
	FileSize  int64         // bytes of each file
	Seed      uint64        // another seed is another world
	Undated   bool          // attempts without createdTime
	FirstTime time.Time     // of the oldest attempt; default 2026-01-05 08:00 UTC
	Interval  time.Duration // between attempts; default a minute
}

func (s Scale) withDefaults() Scale {
	s.Attempts = max(s.Attempts, 1)
	s.Files = max(s.Files, 1)
	if s.FirstTime.IsZero() {
		s.FirstTime = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	}
	if s.Interval == 0 {
		s.Interval = time.Minute
	}
	return s
}

// generatedKinds is what the files of a generated attempt are, in turn. The
// bytes are noise whatever the type says.
var generatedKinds = []struct{ context, mimetype string }{
	{"document-front", "image/jpeg"},
	{"document-back", "image/jpeg"},
	{"face", "image/jpeg"},
	{"document-front-pre", "image/png"},
	{"face-pre", "image/webp"},
	{"selfid_video", "video/webm"},
	{"document-front", "image/jpg"},
	{"nfc", "application/json"},
}

func (s Scale) sessionID(i int) veriff.SessionID {
	return veriff.SessionID(uuid(s.Seed, sessionDomain, uint64(i)))
}

func (s Scale) attemptID(i int) veriff.AttemptID {
	return veriff.AttemptID(uuid(s.Seed, attemptDomain, uint64(i)))
}

func (s Scale) mediaID(i int) veriff.MediaID {
	return veriff.MediaID(uuid(s.Seed, mediaDomain, uint64(i)))
}

// sessionIndex, attemptIndex and mediaIndex invert the above, and report
// false for an id that isn't of this world.
func (s Scale) sessionIndex(id veriff.SessionID) (int, bool) {
	return index(id, s.Seed, sessionDomain, s.Sessions)
}

func (s Scale) attemptIndex(id veriff.AttemptID) (int, bool) {
	return index(id, s.Seed, attemptDomain, s.Sessions*s.Attempts)
}

func (s Scale) mediaIndex(id veriff.MediaID) (int, bool) {
	return index(id, s.Seed, mediaDomain, s.Sessions*s.Attempts*s.Files)
}

// session computes the i-th session; the first is the newest.
func (s Scale) session(i int) Session {
	session := Session{
		ID: s.sessionID(i), Title: "generated", Status: "approved",
		Person: Person{
			FirstName: fmt.Sprintf("Test%d", i), LastName: "Person", Sex: "X", Born: "1990-01-01",
			Nationality: "UTO", Country: "UTO", DocumentType: "PASSPORT",
			DocumentNumber: fmt.Sprintf("T%08d", i), Expires: "2035-01-01",
		},
		Attempts: make([]Attempt, s.Attempts),
	}
	for j := range session.Attempts {
		n := i*s.Attempts + j
		a := Attempt{ID: s.attemptID(n), Status: "approved", Media: make([]File, s.Files)}
		if !s.Undated {
			a.Created = s.FirstTime.Add(time.Duration(s.Sessions*s.Attempts-1-n) * s.Interval)
		}
		if j > 0 {
			a.Status = "resubmission_requested"
		}
		for k := range a.Media {
			a.Media[k] = s.file(n*s.Files + k)
		}
		session.Attempts[j] = a
	}
	return session
}

func (s Scale) file(i int) File {
	id := s.mediaID(i)
	_, lo := id.Halves()
	kind := generatedKinds[i%s.Files%len(generatedKinds)]
	f := File{
		ID: id, Context: kind.context, MIMEType: kind.mimetype,
		Size: s.FileSize, content: noise(lo ^ s.Seed),
	}
	if f.array() == "videos" {
		f.Duration = 3500 * time.Millisecond
	}
	return f
}

// noise is an endless stream of bytes that can be read at any offset: each
// eight bytes are a hash of their number.
type noise uint64

var _ io.ReaderAt = noise(0)

func (n noise) ReadAt(p []byte, off int64) (int, error) {
	word := func(i int64) uint64 { return mix(uint64(n) + uint64(i)*golden) }
	var b [8]byte
	done := 0
	if rest := int(off % 8); rest != 0 {
		binary.LittleEndian.PutUint64(b[:], word(off/8))
		done = copy(p, b[rest:])
	}
	i := (off + int64(done)) / 8
	for ; len(p)-done >= 8; done, i = done+8, i+1 {
		binary.LittleEndian.PutUint64(p[done:], word(i))
	}
	if done < len(p) {
		binary.LittleEndian.PutUint64(b[:], word(i))
		done += copy(p[done:], b[:])
	}
	return done, nil
}
