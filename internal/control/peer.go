package control

import (
	"context"
	"net"

	"veriffs/internal/accesslog"
	"veriffs/internal/caller"
)

// peer is a process at the other end of the control socket. It is the remote address
// of its connection, so that it is known wherever that is.
type peer struct {
	uid, gid, pid int // pid is 0 if the process is outside of this pid namespace
	described     accesslog.Caller
}

func (p *peer) Network() string { return "unix" }
func (p *peer) String() string  { return "@" } // as that of a socket without a name

// peered is a connection that knows its peer.
type peered struct {
	net.Conn
	peer *peer
}

func (c peered) RemoteAddr() net.Addr { return c.peer }

type peerKey struct{}

// withPeer is for http.Server.ConnContext.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.RemoteAddr().(*peer); ok {
		return context.WithValue(ctx, peerKey{}, p)
	}
	return ctx
}

// peerOf returns who made the request of this context: the process at the other end of
// the control socket, or this one if it came from nowhere else.
func peerOf(ctx context.Context) accesslog.Caller {
	if p, ok := ctx.Value(peerKey{}).(*peer); ok {
		return p.described
	}
	return caller.Self()
}

// describe looks at the process while it waits to be accepted.
func (p *peer) describe(callers *caller.Resolver) {
	p.described = callers.Resolve(uint32(p.pid), uint32(p.uid), uint32(p.gid))
}
