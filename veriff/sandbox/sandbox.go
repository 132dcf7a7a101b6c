// Package sandbox is a stand-in for the Veriff public API: an http.Handler
// that answers as the API does, from a world of its own.
//
// # Promises
//
//   - Requests are authenticated, and refused with the API's codes.
//   - Every reply, errors included, carries X-AUTH-CLIENT and the HMAC-SHA256 of
//     its body.
//   - A session's list shows its newest attempt only. The order of items and of
//     keys means nothing.
//   - It serves the bytes that Bytes, Open and Document return, so that a test can
//     compare.
//   - The world is the demonstration set (drawn specimen documents of people who
//     don't exist) or is generated to any scale. Generated ids and bytes are
//     computed on demand: a million files cost no memory.
//
// Set switches faults on, Requests counts what was asked.
//
// # Not promised
//
// The live API may differ where its documentation is silent (which secret signs,
// redirects, compression). The sandbox signs with code of its own, so that a
// client that agrees with it has proved something.
//
// # Concurrency
//
// All methods may be called at any time and from any goroutine. One lock guards
// everything but the counts of requests, which have their own; neither is held while
// a reply is sent.
package sandbox

import (
	"net/http"
	"slices"
	"sync"

	"veriffs/veriff"
)

// DefaultAPIKey is the key of a Sandbox whose Options name none.
const DefaultAPIKey = "d3a0c0de-5a2d-4b0c-8f00-000000000001"

// defaultSecrets open nothing but a sandbox. They differ in every digit group
// so that a mix-up shows.
var defaultSecrets = []string{
	"5ec4e700-0000-4000-8000-00000000000a",
	"5ec4e711-1111-4111-9111-11111111111b",
}

// Options say what a Sandbox holds. The zero value is the demonstration set.
type Options struct {
	APIKey  string   // default DefaultAPIKey
	Secrets []string // default two; all are accepted, the first signs until SignWith
	Empty   bool     // no sessions at all, to be filled by AddSession
	Scale   Scale    // a generated world in place of the demonstration set
}

// Sandbox is one integration and its sessions. It is an http.Handler.
type Sandbox struct {
	APIKey string // the key that requests must carry

	*journal // of the requests

	mu     sync.Mutex
	keys   keys
	world  world
	faults []*Fault

	deletions deletions
}

var _ http.Handler = (*Sandbox)(nil)

// New returns a Sandbox with the world that the options ask for.
func New(o Options) *Sandbox {
	s := &Sandbox{APIKey: o.APIKey, journal: newJournal(), keys: keys{secrets: slices.Clone(o.Secrets)}}
	if s.APIKey == "" {
		s.APIKey = DefaultAPIKey
	}
	if len(s.keys.secrets) == 0 {
		s.keys.secrets = slices.Clone(defaultSecrets)
	}
	s.world = newWorld(o.Scale)
	if !o.Empty && o.Scale.Sessions == 0 {
		for _, session := range demoSessions() {
			s.world.put(session)
		}
	}
	return s
}

// Secrets returns the shared secrets of the integration.
func (s *Sandbox) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys.secrets)
}

// SetSecrets replaces the shared secrets, as a rotation does; the first signs.
func (s *Sandbox) SetSecrets(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.secrets, s.keys.signer = slices.Clone(secrets), 0
}

// SignWith makes the i-th secret the one that signs replies.
func (s *Sandbox) SignWith(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.keys.secrets[i] // a wrong index fails here, in the caller's sight
	s.keys.signer = i
}

// SetActive switches the integration on or off; off, every request is
// answered with 401 and code 1804.
func (s *Sandbox) SetActive(active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.inactive = !active
}

// ReorderLists makes every later list come in another order, of items and of
// keys, as the API may do at any time.
func (s *Sandbox) ReorderLists() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.order++
}

// Sessions returns every session, each with all its attempts and files. Of a
// large generated world, SessionIDs and Session are the cheap way.
func (s *Sandbox) Sessions() []Session {
	var all []Session
	for _, id := range s.SessionIDs() {
		if session, ok := s.Session(id); ok {
			all = append(all, session)
		}
	}
	return all
}

// SessionIDs returns the ids of all sessions, the newest session first.
func (s *Sandbox) SessionIDs() []veriff.SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.sessionIDs()
}

// Session returns one session as it is now.
func (s *Sandbox) Session(id veriff.SessionID) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.session(id)
}
