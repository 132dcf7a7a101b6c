// Package webhook receives Veriff's webhooks and adds their sessions to the
// sessions file. [Receiver] is the http.Handler; [Server] puts it on the network,
// with or without TLS, and limits size, time, rate and number.
//
// # What it promises
//
// A webhook is answered 200 only once its session's id is on the disk. After any
// other answer Veriff sends it again, about hourly for a week. Receiving one
// twice changes nothing, so a replayed webhook can only name a session that
// Veriff named before.
//
// Only the session's id, the kind of webhook and its action are kept or logged.
// A body is read up to its limit, and parsed only once the API key and the
// signature over its raw bytes are right.
//
// Clients that can't sign take nothing that webhooks need. Only signed webhooks
// count towards the rate. A connection may be closed for room until a signature
// was right on it: the oldest of the address that has the most (see package
// listener). So slow headers, slow bodies and idle connections delay nobody,
// not even behind a proxy, where everybody has one address.
//
// # What it does not promise
//
// Webhooks are not ordered, and one may be delivered more than once. Without TLS
// the network sees the bodies, which are personal data.
//
// # Concurrency
//
// All methods may be called at the same time. One goroutine writes ids, in
// batches; the only lock guards the certificate.
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

	refusalBurst = 20 // refusals that are logged at once, before it is one a second
)

// Config is what a Receiver needs.
type Config struct {
	APIKey  string   // that X-AUTH-CLIENT must hold
	Secrets []string // any of them may have signed; one to five

	// Add adds ids to the sessions file. It returns how many were new, once they
	// are on the disk. One goroutine calls it. (*sessionlist.File).Add is one.
	Add func(ctx context.Context, ids []veriff.SessionID) (added int, err error)

	// OnSession, if set, is called for every webhook's session, new or not, once
	// it is on the disk: something about it has changed. It must not block.
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
		return nil, errors.New("webhook: needs one to five shared secrets")
	case config.Add == nil:
		return nil, errors.New("webhook: Config.Add is missing")
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
		refusals: rate.NewLimiter(1, refusalBurst),
		commits:  make(chan commit),
		stop:     make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.done.Go(r.commitAll)
	return r, nil
}

// Close ends the Receiver, best after the Server has ended. Webhooks that are not
// on the disk yet are answered 500, and Veriff sends them again.
func (r *Receiver) Close() {
	r.stopOnce.Do(func() { close(r.stop) })
	r.done.Wait()
}
