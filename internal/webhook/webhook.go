// Package webhook receives Veriff's webhooks, so that new sessions come into
// the list by themselves.
//
// A webhook is answered 200 only once its session's id is on the disk; every
// other answer makes Veriff send it again, about hourly for a week. Sending
// one twice changes nothing, so a replayed webhook can do no more than name a
// session that Veriff named before.
//
// Nothing of a body is kept or logged but the session's id, the kind of
// webhook and its action. A body is not even parsed, nor read beyond its
// limit, before the API key and the signature over its raw bytes were found
// right. [Receiver] is the http.Handler; [Server] puts it on the network with
// limits for size, time, rate and number, with or without TLS.
//
// Whoever can't sign spends nothing that webhooks need. The rate counts signed
// webhooks alone. A connection is its client's own until the signature was
// found right: until then it goes, where there are too many, the oldest of the
// address that has the most first (see package listener). So slow headers,
// slow bodies and idle connections hold up nobody, be they from one address or,
// behind a proxy, from that of everybody.
package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"veriffs/veriff"
)

// The limits of a receiver.
const (
	maxBody    = 1 << 20          // bytes; decisions are some ten thousand long
	maxCommit  = 10 * time.Second // to get an id onto the disk
	perSecond  = 200              // signed webhooks; after an outage, many arrive at once
	burst      = 1000
	maxSecrets = 5 // of an integration, by Veriff's documentation
)

// Config is what a Receiver needs.
type Config struct {
	APIKey  string   // that X-AUTH-CLIENT must hold
	Secrets []string // any of them may have signed; one to five

	// Add puts ids into the sessions file and returns once they are on the
	// disk, and how many were new. (*sessionlist.File).Add is one. It is
	// called by one goroutine.
	Add func(ctx context.Context, ids []veriff.SessionID) (added int, err error)

	// OnSession, if set, is told of every session that a webhook was received
	// for, new or not, once it is on the disk: there is something new about
	// it. It must not block.
	OnSession func(veriff.SessionID)

	Logger *slog.Logger // nil: discard
}

// Receiver is the http.Handler of the webhooks. POST is served on any path,
// GET on /healthz.
type Receiver struct {
	config   Config
	log      *slog.Logger
	rate     *rate.Limiter
	refusals *rate.Limiter // of log lines, so that nobody can fill the log
	commits  chan commit
	stop     chan struct{}
	stopOnce sync.Once
	done     sync.WaitGroup
}

// New returns a Receiver. It must be closed.
func New(config Config) (*Receiver, error) {
	switch {
	case config.APIKey == "":
		return nil, errors.New("webhook: no API key")
	case len(config.Secrets) == 0 || len(config.Secrets) > maxSecrets:
		return nil, errors.New("webhook: one to five shared secrets are needed")
	case config.Add == nil:
		return nil, errors.New("webhook: nowhere to put the sessions")
	}
	for _, secret := range config.Secrets {
		if secret == "" {
			return nil, errors.New("webhook: a shared secret is empty")
		}
	}
	r := &Receiver{
		config:   config,
		log:      config.Logger,
		rate:     rate.NewLimiter(perSecond, burst),
		refusals: rate.NewLimiter(1, 20),
		commits:  make(chan commit),
		stop:     make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.done.Go(r.commitAll)
	return r, nil
}

// Close ends the Receiver, best after the Server has ended. Webhooks that have not been written yet are
// answered 500 and will be sent again.
func (r *Receiver) Close() {
	r.stopOnce.Do(func() { close(r.stop) })
	r.done.Wait()
}
