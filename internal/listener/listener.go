// Package listener keeps slow, idle or numerous clients from shutting others out
// of a server.
//
// # What it promises
//
// At most a given number of connections is open, and a new one does not depend
// on the patience of the others: if there are too many, the oldest connection of
// the address that has the most is closed. So one address may have them all
// while nobody else wants any, and no more than its share when others do. Behind
// a proxy all clients have one address; there the oldest connection goes, which
// is the slow one.
//
// A request that has proven itself (see [Hold]) keeps its connection until it
// is answered. If all connections are held, new ones wait in the kernel's queue.
//
// # What it does not promise
//
// It sets no timeouts: the server limits the time for headers and bodies. It
// counts connections, so a server must not serve many requests at once on one of
// them, as HTTP/2 does.
//
// # Concurrency
//
// Everything may be called at the same time. One lock, Listener.mu, guards all
// connections of a listener. It is never held while a connection is read,
// written or closed.
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
				l.log.Warn("too many connections; closing the oldest of the address that has the most", "at", l.Addr().String(), "most", l.most, "remote", gone.peer.String())
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

// admit waits until there is room for c, or returns the connection to close
// first.
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
// most, counting the arriving one; nil if all are held.
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

// peerOf returns the client that an address belongs to. An IPv6 network counts as
// one: whoever has one of its addresses has them all.
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

// ConnContext is for http.Server.ConnContext; Hold needs it.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = outer.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Hold protects the connection of the request with this context from being closed
// for room, until release is called.
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
		c.since = l.turn // it is closed after those that have proven nothing
		l.mu.Unlock()
		l.change.Signal()
	}
}
