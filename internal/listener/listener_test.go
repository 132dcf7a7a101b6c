package listener

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a test that hangs.
const patience = time.Minute

// front is a listener on loopback whose connections are kept open.
type front struct {
	*Listener
	accepted chan net.Conn
	ended    chan struct{}
}

func newFront(t *testing.T, most int, log *slog.Logger) *front {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Bound(tcp, most, log), make(chan net.Conn, 1000), make(chan struct{})}
	go func() {
		defer close(f.ended)
		for {
			c, err := f.Accept()
			if err != nil {
				return
			}
			f.accepted <- c
		}
	}()
	t.Cleanup(func() {
		f.Close()
		<-f.ended
		close(f.accepted)
		for c := range f.accepted {
			c.Close()
		}
	})
	return f
}

// dial connects from an address of this machine.
func (f *front) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := dialer.Dial("tcp", f.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// visit is a connection and its other end, once it was accepted.
func (f *front) visit(t *testing.T, from string) (client, server net.Conn) {
	t.Helper()
	client = f.dial(t, from)
	select {
	case server = <-f.accepted:
		t.Cleanup(func() { server.Close() })
		return client, server
	case <-time.After(patience):
		t.Fatal("not accepted")
		return nil, nil
	}
}

func isClosed(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Error("still open:", err)
	}
}

// isOpen has the server's end say something.
func isOpen(t *testing.T, client, server net.Conn) {
	t.Helper()
	client.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(server, "x"); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestTheCrowdGivesWay(t *testing.T) {
	var log strings.Builder
	f := newFront(t, 4, slog.New(slog.NewTextHandler(&log, nil)))
	const many, few = "127.0.0.1", "127.0.0.2"
	var clients, servers []net.Conn
	arrive := func(from string) {
		c, s := f.visit(t, from)
		clients, servers = append(clients, c), append(servers, s)
	}
	for range 4 {
		arrive(many)
	}
	arrive(few)
	isClosed(t, clients[0])
	for range 5 { // their own go: 1, 2, 3, 5 and 6
		arrive(many)
	}
	for _, i := range []int{1, 2, 3, 5, 6} {
		isClosed(t, clients[i])
	}
	for _, i := range []int{4, 7, 8, 9} {
		isOpen(t, clients[i], servers[i])
	}
	f.Close()
	<-f.ended
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, log.String())
	}
}

func TestHeldStay(t *testing.T) {
	f := newFront(t, 2, slog.New(slog.DiscardHandler))
	hold := func(s net.Conn) func() { return Hold(ConnContext(context.Background(), s)) }
	one, first := f.visit(t, "127.0.0.1")
	two, second := f.visit(t, "127.0.0.1")
	release := hold(first)
	three, third := f.visit(t, "127.0.0.1")
	isClosed(t, two)
	isOpen(t, one, first)
	hold(second)() // too late, which harms nobody
	hold(third)

	four := f.dial(t, "127.0.0.2") // waits for one of the two
	release()
	fourth := <-f.accepted
	isClosed(t, one)
	isOpen(t, three, third)
	isOpen(t, four, fourth)
	fourth.Close()
	fourth.Close()
	if len(f.open) != 1 {
		t.Errorf("%d are counted", len(f.open))
	}

	Hold(ConnContext(context.Background(), third))
	_, fifth := f.visit(t, "127.0.0.1")
	hold(fifth)
	f.dial(t, "127.0.0.1")
	f.Close() // whether or not somebody waits
	<-f.ended
	Hold(t.Context())() // of no connection
}

func TestPeers(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:2", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:2]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth0]:2", true},
	} {
		if got := peerOf(address(tt.a)) == peerOf(address(tt.b)); got != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
	if peerOf(&net.UnixAddr{}).IsValid() {
		t.Error("a unix socket has an address")
	}
}

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }
