package veriff

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
)

// reach is how far a request came.
type reach int32

const (
	unconnected reach = iota // there was no connection
	connected                // it went out, and nothing came back
	begun                    // an answer began, which could not be understood
	answered                 // its headers are there
)

// trace follows how far a request comes. The transport may try a second
// connection by itself, and may call from any goroutine.
func (r *reach) trace() *httptrace.ClientTrace {
	set := func(to reach) { atomic.StoreInt32((*int32)(r), int32(to)) }
	return &httptrace.ClientTrace{
		GetConn:              func(string) { set(unconnected) },
		GotConn:              func(httptrace.GotConnInfo) { set(connected) },
		GotFirstResponseByte: func() { set(begun) },
	}
}

func (r *reach) load() reach { return reach(atomic.LoadInt32((*int32)(r))) }

// noAnswer makes an error of a try that got no answer. Without a connection
// the API is unreachable. With one it is this request's own trouble, as long
// as any request was answered since the call began.
func (a *call) noAnswer(why string) error {
	switch {
	case a.reach == unconnected:
		return fmt.Errorf("%w: %s", ErrUnreachable, why)
	case a.client.Answers() == a.answersBefore:
		return &silence{why}
	default:
		return fmt.Errorf("%w: %s", ErrNoAnswer, why)
	}
}

// silence is that a request was not answered, nor any other.
type silence struct{ why string }

func (s *silence) Error() string   { return ErrNoAnswer.Error() + ": " + s.why }
func (s *silence) Unwrap() []error { return []error{ErrUnreachable, ErrNoAnswer} }

// brokenBy says why a body ended. It never quotes: what net/http complains of,
// a malformed trailer or chunk, may be a piece of the body.
func brokenBy(err error) string {
	var (
		errno   syscall.Errno
		timeout interface{ Timeout() bool }
	)
	for _, known := range []error{errStalled, errPatience, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "time-out"
	default:
		return "its transfer is malformed"
	}
}
