package sandbox

import (
	"io"
	"slices"

	"veriffs/veriff"
)

// AddSession adds a session, as its newest, and returns it with the ids that
// were missing filled in. Made-up ids are the same in every run.
func (s *Sandbox) AddSession(session Session) Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session.ID.IsZero() {
		session.ID = s.world.mintSession()
	}
	attempts := make([]Attempt, 0, len(session.Attempts))
	for _, a := range session.Attempts {
		attempts = append(attempts, s.world.complete(a))
	}
	session.Attempts = attempts
	s.world.put(session)
	return session
}

// AddAttempt adds a new attempt to a session, in front of its others, and
// returns it with the ids that were missing filled in; from then on the
// session's list shows the files of this attempt alone. It reports false, and
// changes nothing, if there is no such session.
func (s *Sandbox) AddAttempt(id veriff.SessionID, a Attempt) (Attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.world.session(id)
	if !ok {
		return Attempt{}, false
	}
	a = s.world.complete(a)
	session.Attempts = append([]Attempt{a}, session.Attempts...)
	s.world.put(session)
	return a, true
}

// DeleteSession deletes a session and its media; they answer 404 from then on.
func (s *Sandbox) DeleteSession(id veriff.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.remove(id)
}

// DeleteMedia deletes one file; it leaves its list and answers 404.
func (s *Sandbox) DeleteMedia(id veriff.MediaID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.change(id, func(media []File, i int) []File { return slices.Delete(media, i, i+1) })
}

// ReplaceMedia gives a media id other bytes, which the API isn't known to do.
func (s *Sandbox) ReplaceMedia(id veriff.MediaID, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.change(id, func(media []File, i int) []File {
		f := NewFile(media[i].Context, media[i].MIMEType, content)
		f.ID, f.Duration = id, media[i].Duration
		media[i] = f
		return media
	})
}

// Open returns a reader of the true bytes of a file, and false if there is no
// such file.
func (s *Sandbox) Open(id veriff.MediaID) (*io.SectionReader, bool) {
	s.mu.Lock()
	_, f, ok := s.world.file(id)
	s.mu.Unlock()
	if !ok {
		return nil, false
	}
	return f.Open(), true
}

// Bytes returns the true bytes of a file, and nil if there is no such file.
func (s *Sandbox) Bytes(id veriff.MediaID) []byte {
	r, ok := s.Open(id)
	if !ok {
		return nil
	}
	b := make([]byte, r.Size())
	if _, err := io.ReadFull(r, b); err != nil {
		panic("sandbox: content shorter than its size: " + err.Error())
	}
	return b
}

// change puts a copy of the session in place, with the change made to the
// media of the attempt that holds the file.
func (w *world) change(id veriff.MediaID, change func(media []File, i int) []File) {
	sid, _, ok := w.file(id)
	if !ok {
		return
	}
	session, _ := w.session(sid)
	attempts := slices.Clone(session.Attempts)
	for i := range attempts {
		media := slices.Clone(attempts[i].Media)
		if j := slices.IndexFunc(media, func(f File) bool { return f.ID == id }); j >= 0 {
			attempts[i].Media = change(media, j)
		}
	}
	changed := session
	changed.Attempts = attempts
	// The session as it was takes its files out of the index, and the changed
	// one puts back those that are left.
	w.put(session)
	w.put(changed)
}

// complete copies an attempt and gives ids to it and to its files.
func (w *world) complete(a Attempt) Attempt {
	if a.ID.IsZero() {
		w.minted++
		a.ID = veriff.AttemptID(uuid(mintedSeed, attemptDomain, w.minted))
	}
	if a.Status == "" {
		a.Status = "approved"
	}
	a.Media = slices.Clone(a.Media)
	for i := range a.Media {
		if a.Media[i].ID.IsZero() {
			w.minted++
			a.Media[i].ID = veriff.MediaID(uuid(mintedSeed, mediaDomain, w.minted))
		}
	}
	return a
}

func (w *world) mintSession() veriff.SessionID {
	w.minted++
	return veriff.SessionID(uuid(mintedSeed, sessionDomain, w.minted))
}
