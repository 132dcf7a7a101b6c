package sandbox

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"veriffs/veriff"
)

// Match says which requests a fault applies to. The zero Match is every
// request until the fault is removed.
type Match struct {
	Kind  Kind   // "": any
	ID    string // the id in the path; "": any
	Skip  int    // let so many matching requests pass unharmed first
	Times int    // then apply to so many; 0: to all
}

// Fault is a fault that is switched on.
type Fault struct {
	sandbox *Sandbox
	match   Match
	effects []Effect

	released chan struct{}
	release  sync.Once

	// Guarded by sandbox.mu.
	seen, hits int
	changed    chan struct{} // closed and replaced when hits grows
}

// Effect is one thing that a fault does to a reply. The functions below make
// them; several together do what they say at once.
type Effect func(*plan, *Fault)

// plan is what the faults that match a request have made of it.
type plan struct {
	finish func() // counts the request as answered, once

	latency   time.Duration
	bandwidth int64 // bytes a second; 0: unlimited
	refuse    bool
	replace   []func(reply) reply
	edit      listEdit
	header    http.Header

	secret    string // that signs the reply
	signature string // in place of the true one; "" with forged: none
	forged    bool

	garbled bool  // the headers
	extra   int64 // bytes of the body that come once more, after its end
	chunked bool
	shorten int64                  // bytes missing at the end
	cut     *int64                 // the connection is cut after so many
	stall   *int64                 // nothing more after so many, until stalled
	stalled <-chan struct{}        // is closed
	flip    func(size int64) int64 // where one byte is inverted
}

// Set switches a fault on. Several may be on at once; they all apply.
func (s *Sandbox) Set(m Match, effects ...Effect) *Fault {
	f := &Fault{
		sandbox: s, match: m, effects: effects,
		released: make(chan struct{}), changed: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return f
}

// ClearFaults removes every fault and lets what they stall go on.
func (s *Sandbox) ClearFaults() {
	s.mu.Lock()
	faults := s.faults
	s.faults = nil
	s.mu.Unlock()
	for _, f := range faults {
		f.Release()
	}
}

// Remove switches the fault off for later requests. What it stalls stays so
// until Release.
func (f *Fault) Remove() {
	f.sandbox.mu.Lock()
	defer f.sandbox.mu.Unlock()
	f.sandbox.faults = slices.DeleteFunc(f.sandbox.faults, func(other *Fault) bool { return other == f })
}

// Release lets the replies that the fault stalls, now and later, go on.
func (f *Fault) Release() { f.release.Do(func() { close(f.released) }) }

// Hits returns how many requests the fault has applied to.
func (f *Fault) Hits() int {
	f.sandbox.mu.Lock()
	defer f.sandbox.mu.Unlock()
	return f.hits
}

// Wait waits until the fault has applied to n requests, or returns the
// context's error.
func (f *Fault) Wait(ctx context.Context, n int) error {
	for {
		f.sandbox.mu.Lock()
		hits, changed := f.hits, f.changed
		f.sandbox.mu.Unlock()
		if hits >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takes reports whether the fault applies to a request, and counts it.
// The caller holds the sandbox's lock.
func (f *Fault) takes(kind Kind, id string) bool {
	m := f.match
	if m.Kind != "" && m.Kind != kind || m.ID != "" && m.ID != id {
		return false
	}
	f.seen++
	if f.seen <= m.Skip || m.Times > 0 && f.seen > m.Skip+m.Times {
		return false
	}
	f.hits++
	close(f.changed)
	f.changed = make(chan struct{})
	return true
}

// Latency delays the reply's first byte.
func Latency(d time.Duration) Effect {
	return func(p *plan, _ *Fault) { p.latency += d }
}

// Bandwidth limits the body to so many bytes a second.
func Bandwidth(bytesPerSecond int64) Effect {
	return func(p *plan, _ *Fault) { p.bandwidth = bytesPerSecond }
}

// Refuse closes the connection without an answer. To refuse connections as
// such, take the Server down.
func Refuse() Effect {
	return func(p *plan, _ *Fault) { p.refuse = true }
}

// Fail answers with a status and the API's error envelope; code may be "".
func Fail(status int, code, message string) Effect {
	return instead(func(reply) reply { return failure(status, code, message) })
}

// Status answers with a status and an envelope that fits it.
func Status(status int) Effect { return Fail(status, "", http.StatusText(status)) }

// Body answers with any body, as it is, signed.
func Body(status int, contentType string, body []byte) Effect {
	return instead(func(reply) reply {
		r := jsonReply(status, body)
		r.contentType = contentType
		return r
	})
}

// Envelope answers 200 with the API's error envelope, signed, whatever was
// asked for, under the content type of what was asked for.
func Envelope() Effect {
	return instead(func(was reply) reply {
		r := failure(http.StatusOK, "1101", "Something went wrong")
		r.contentType = was.contentType
		return r
	})
}

// instead changes the answer before it is signed.
func instead(change func(reply) reply) Effect {
	return func(p *plan, _ *Fault) { p.replace = append(p.replace, change) }
}

// Header sets a header of the reply: Retry-After, Location, Content-Type, ….
func Header(name, value string) Effect {
	return func(p *plan, _ *Fault) {
		if p.header == nil {
			p.header = http.Header{}
		}
		p.header.Set(name, value)
	}
}

// RetryAfter sets the header of that name: seconds, a date or nonsense.
func RetryAfter(value string) Effect { return Header("Retry-After", value) }

// Redirect answers 302 to another address.
func Redirect(url string) Effect {
	return func(p *plan, f *Fault) {
		Status(http.StatusFound)(p, f)
		Header("Location", url)(p, f)
	}
}

// Unsigned leaves X-HMAC-SIGNATURE out.
func Unsigned() Effect { return Signature("") }

// Signature sends this text as the signature; "" leaves the header out.
func Signature(text string) Effect {
	return func(p *plan, _ *Fault) { p.signature, p.forged = text, true }
}

// SignedWith signs with another secret than the integration's: a forger's.
func SignedWith(secret string) Effect {
	return func(p *plan, _ *Fault) { p.secret = secret }
}

// FlipByte inverts one byte of the body after it was signed; a negative
// offset counts from the end.
func FlipByte(offset int64) Effect {
	return func(p *plan, _ *Fault) {
		p.flip = func(size int64) int64 {
			if offset < 0 {
				return size + offset
			}
			return offset
		}
	}
}

// Shorten leaves out the last n bytes, silently: the length announced is that
// of the shortened body, the signature that of the whole one.
func Shorten(n int64) Effect {
	return func(p *plan, _ *Fault) { p.shorten = n }
}

// Cut ends the connection after n bytes of the body, in spite of the length
// announced.
func Cut(n int64) Effect {
	return func(p *plan, _ *Fault) { p.cut = &n }
}

// Chunked announces no length.
func Chunked() Effect {
	return func(p *plan, _ *Fault) { p.chunked = true }
}

// Stall sends n bytes of the body and then nothing, until the fault is
// released or the client goes away.
func Stall(n int64) Effect {
	return func(p *plan, f *Fault) { p.stall, p.stalled = &n, f.released }
}

// ListSize makes lists give this size, a piece of JSON such as `12`, `"12"`,
// `1e30` or `{}`; "" leaves it out. With ids it does so for those files only.
func ListSize(raw string, only ...veriff.MediaID) Effect {
	return func(p *plan, _ *Fault) {
		if len(only) == 0 {
			p.edit.all = &raw
		}
		for _, id := range only {
			if p.edit.sizes == nil {
				p.edit.sizes = map[veriff.MediaID]string{}
			}
			p.edit.sizes[id] = raw
		}
	}
}
