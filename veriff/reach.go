package veriff

import (
	"net/http/httptrace"
	"sync/atomic"
)

// reach is how far a request got.
type reach int32

const (
	unconnected reach = iota // there was no connection
	connected                // it went out, and nothing came back
	begun                    // an answer began, which could not be understood
	answered                 // its headers are there
)

// trace follows how far a request gets. The transport may try a second
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
