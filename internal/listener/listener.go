// Package listener keeps clients that are slow, idle or many from shutting
// out the others of a server.
//
// It promises that no more than a number of connections are open, and that a
// new one does not wait for the patience of those before it: where there are
// too many, one is closed, the oldest of the address that has the most. So an
// address may have all there are while nobody else wants one, and no more than
// its share when others do. A proxy on this machine has one address for all of
// its clients; there the oldest goes, which is the one that is slow.
//
// A request that has shown that it belongs here (see [Hold]) keeps its
// connection until it is answered. If all are kept, new ones wait in the
// kernel's queue.
//
// How long a client may take for its header or its body is for the server to
// say. A Listener counts connections, so that the server must not take many
// requests at once on one of them, as HTTP/2 does.
package listener

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Listener is a net.Listener that bounds the number of open connections.
type Listener struct {
	net.Listener
	most int
	log  *slog.Logger
	told rate.Sometimes // of connections that were closed for room

	mu     sync.Mutex
	change sync.Cond // there may be room
	open   map[*conn]bool
	turn   uint64 // counts arrivals
	closed bool
}

// Bound returns l with at most that many connections open at once.
func Bound(l net.Listener, most int, log *slog.Logger) *Listener {
	b := &Listener{Listener: l, most: most, log: log, told: rate.Sometimes{First: 1, Interval: time.Minute}, open: make(map[*conn]bool)}
	b.change.L = &b.mu
	return b
}

// Accept returns the next connection, for which another may be closed.
func (l *Listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, listener: l, peer: peerOf(accepted.RemoteAddr())}
	for {
		gone, err := l.admit(c)
		if gone != nil {
			gone.Conn.Close()
			l.told.Do(func() {
				l.log.Warn("too many connections: the oldest of the address that has the most are closed", "at", l.Addr().String(), "most", l.most, "remote", gone.peer.String())
			})
			continue
		}
		if err != nil {
			accepted.Close()
			return nil, err
		}
		return c, nil
	}
}

// admit waits until there is room for c, or returns the connection that is to
// be closed first.
func (l *Listener) admit(c *conn) (gone *conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(l.open) >= l.most {
		if gone = l.dispensableLocked(c.peer); gone != nil {
			delete(l.open, gone)
			return gone, nil
		}
		l.change.Wait()
	}
	if l.closed {
		return nil, net.ErrClosed
	}
	l.turn++
	c.since = l.turn
	l.open[c] = true
	return nil, nil
}

// dispensableLocked returns the oldest connection of the address that has the
// most, the one that is asked for included; nil if all are held.
func (l *Listener) dispensableLocked(arriving netip.Prefix) (oldest *conn) {
	count := map[netip.Prefix]int{arriving: 1}
	for c := range l.open {
		count[c.peer]++
	}
	for c := range l.open {
		switch {
		case c.held:
		case oldest == nil, count[c.peer] > count[oldest.peer],
			count[c.peer] == count[oldest.peer] && c.since < oldest.since:
			oldest = c
		}
	}
	return oldest
}

// Close stops listening. Open connections stay.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.change.Broadcast()
	return l.Listener.Close()
}

// peerOf returns whom an address belongs to: an IPv6 network counts as one, since
// whoever has one address of it has them all.
func peerOf(address net.Addr) netip.Prefix {
	from, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return netip.Prefix{} // a unix socket's
	}
	ip := from.Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	peer, _ := ip.WithZone("").Prefix(bits)
	return peer
}

// conn is an open connection. Its listener's mu guards what follows the peer.
type conn struct {
	net.Conn
	listener *Listener
	peer     netip.Prefix

	since uint64 // its turn: when it arrived, or was last released
	held  bool
}

func (c *conn) Close() error {
	l := c.listener
	l.mu.Lock()
	delete(l.open, c)
	l.mu.Unlock()
	l.change.Signal()
	return c.Conn.Close()
}

type connKey struct{}

// ConnContext is that of an http.Server. It makes Hold work.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = outer.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Hold keeps the connection of a request, whose context this is, from being
// closed for room until release is called.
func Hold(ctx context.Context) (release func()) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return func() {}
	}
	l := c.listener
	l.mu.Lock()
	c.held = true
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		c.held = false
		l.turn++
		c.since = l.turn // it goes after those that have shown nothing
		l.mu.Unlock()
		l.change.Signal()
	}
}
