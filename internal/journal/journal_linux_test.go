package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standIn is a socket that takes records like journald's.
type standIn struct {
	*net.UnixConn
	t    *testing.T
	path string
}

func listen(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{t: t, path: filepath.Join(t.TempDir(), "socket")}
	s.listen()
	return s
}

func (s *standIn) listen() {
	s.t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	s.UnixConn = conn
}

// next reads a record as journald does.
func (s *standIn) next() map[string]string {
	s.t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	datagram := make([]byte, 1<<18)
	n, err := s.Read(datagram)
	if err != nil {
		s.t.Fatal(err)
	}
	fields := make(map[string]string)
	for rest := datagram[:n]; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		name, value, simple := strings.Cut(string(line), "=")
		if !simple {
			if len(after) < 8 || uint64(len(after)-8) <= binary.LittleEndian.Uint64(after) {
				s.t.Fatalf("a field that is cut: %q", rest)
			}
			length := binary.LittleEndian.Uint64(after)
			value, after = string(after[8:8+length]), after[8+length:]
			ended, after = after[0] == '\n', after[1:]
		}
		if _, twice := fields[name]; !ended || twice {
			s.t.Fatalf("a wrong field %q in %q", name, datagram[:n])
		}
		fields[name], rest = value, after
	}
	return fields
}

// handler is connected to the journal and logs to the buffer what it can't send.
func (s *standIn) handler() (*Handler, *bytes.Buffer) {
	s.t.Helper()
	var other bytes.Buffer
	h, err := New(s.path, slog.NewTextHandler(&other, nil))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { h.Close() })
	return h, &other
}

func TestFields(t *testing.T) {
	journal := listen(t)
	h, other := journal.handler()
	log := slog.New(h)
	moment := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		log  func()
		want map[string]string
	}{
		{
			func() { log.Warn("open failed", "session", "4f5a", "error", errors.New("no route")) },
			map[string]string{"MESSAGE": `open failed session=4f5a error="no route"`, "PRIORITY": "4", "VERIFFS_SESSION": "4f5a", "VERIFFS_ERROR": "no route"},
		},
		{
			func() { log.Error("plain") },
			map[string]string{"MESSAGE": "plain", "PRIORITY": "3"},
		},
		{
			func() { log.Info("two\nlines", "stack", "a\nb=c\n") },
			map[string]string{"MESSAGE": "two\nlines stack=\"a\\nb=c\\n\"", "PRIORITY": "6", "VERIFFS_STACK": "a\nb=c\n"},
		},
		{
			func() { log.With("store", "team").WithGroup("a").With("b", 1).Info("grouped", "exit-code", 2) },
			map[string]string{"MESSAGE": "grouped store=team a.b=1 a.exit-code=2", "PRIORITY": "6",
				"VERIFFS_STORE": "team", "VERIFFS_A_B": "1", "VERIFFS_A_EXIT_CODE": "2"},
		},
		{
			func() {
				log.Info("kinds", slog.Group("in", "for", time.Second), slog.Time("until", moment), slog.Attr{}, "none", nil)
			},
			map[string]string{"MESSAGE": "kinds in.for=1s until=2026-03-01T12:00:00.000Z none=<nil>", "PRIORITY": "6",
				"VERIFFS_IN_FOR": "1s", "VERIFFS_UNTIL": "2026-03-01T12:00:00Z", "VERIFFS_NONE": "<nil>"},
		},
		{
			func() { log.Info(`msg=""`, strings.Repeat("é", 100), "x") },
			map[string]string{"MESSAGE": `msg="" ` + strings.Repeat("é", 100) + "=x", "PRIORITY": "6", "VERIFFS_" + strings.Repeat("_", 56): "x"},
		},
	} {
		test.log()
		test.want["SYSLOG_IDENTIFIER"] = "veriffs"
		if diff := cmp.Diff(test.want, journal.next()); diff != "" {
			t.Errorf("the record (-want +got):\n%s", diff)
		}
	}
	log.Debug("of a level that is not logged")
	log.Info("the last one")
	if got := journal.next()["MESSAGE"]; got != "the last one" {
		t.Errorf("the journal got %q", got)
	}
	if other.Len() != 0 {
		t.Errorf("logged otherwise: %s", other)
	}
}

func TestPriorities(t *testing.T) {
	for level, want := range map[slog.Level]int{
		slog.LevelDebug: 7, slog.LevelDebug + 1: 7, slog.LevelInfo: 6, slog.LevelWarn: 4, slog.LevelWarn + 3: 4, slog.LevelError: 3, slog.LevelError + 8: 3,
	} {
		if got := int(priority(level)); got != want {
			t.Errorf("%v: priority %d, want %d", level, got, want)
		}
	}
}

// TestWithoutJournal: a record is never lost, whatever becomes of the journal.
func TestWithoutJournal(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "socket"), slog.DiscardHandler); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("without a socket: %v", err)
	}
	journal := listen(t)
	h, other := journal.handler()
	log := slog.New(h).With("store", "team")

	log.Info("too large", "bytes", strings.Repeat("x", 1<<20))
	if got := other.String(); !strings.Contains(got, `msg="too large" store=team bytes=xxx`) {
		t.Errorf("logged otherwise: %.200s", got)
	}
	log.Info("the next one")
	if got := journal.next(); got["MESSAGE"] != "the next one store=team" {
		t.Errorf("after one that is too large the journal got %v", got)
	}

	journal.Close()
	log.Info("while nobody listens")
	if err := os.Remove(journal.path); err != nil {
		t.Fatal(err)
	}
	log.Info("while it is away")
	if got := other.String(); !strings.Contains(got, `msg="while nobody listens" store=team`) || !strings.Contains(got, `msg="while it is away" store=team`) {
		t.Errorf("logged otherwise: %q", got)
	}
	journal.listen()
	log.Info("another journal")
	if got := journal.next(); got["MESSAGE"] != "another journal store=team" {
		t.Errorf("the other journal got %v", got)
	}

	if err := h.Close(); err != nil {
		t.Error(err)
	}
	log.Info("closed")
	if got := other.String(); !strings.Contains(got, "msg=closed") {
		t.Errorf("logged otherwise: %q", got)
	}
}

// TestFullJournal: a journal that takes nothing keeps the first record waiting for a
// moment and others not at all.
func TestFullJournal(t *testing.T) {
	journal := listen(t)
	h, other := journal.handler()
	h.to.patience = 10 * time.Millisecond
	fill(t, journal.path)
	log := slog.New(h)
	log.Info("late")
	h.to.patience = time.Hour
	log.Info("not late")
	if got := other.String(); !strings.Contains(got, "msg=late") || !strings.Contains(got, `msg="not late"`) {
		t.Errorf("logged otherwise: %q", got)
	}
	h.to.resume = time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		log.Info("waited")
	}()
	for journal.next()["MESSAGE"] != "waited" {
	}
	<-sent
}

// fill makes the queue of a socket full.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for {
		err := syscall.Sendto(fd, []byte("MESSAGE=of another program\n"), 0, &syscall.SockaddrUnix{Name: path})
		if errors.Is(err, syscall.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOnStandardError compares with what the environment says, as it is for a service.
func TestOnStandardError(t *testing.T) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(os.Stderr.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{
		"": false, "none": false, fmt.Sprintf("%d:%d", st.Dev, st.Ino): true, fmt.Sprintf("%d:%d", st.Dev, st.Ino+1): false,
	} {
		t.Setenv("JOURNAL_STREAM", value)
		if got := OnStandardError(); got != want {
			t.Errorf("with %q: %v", value, got)
		}
	}
}

func TestConcurrent(t *testing.T) {
	journal := listen(t)
	h, _ := journal.handler()
	const records = 200
	for range records {
		go func() {
			_ = h.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "one of many", 0))
		}()
	}
	for range records {
		if got := journal.next()["MESSAGE"]; got != "one of many" {
			t.Fatalf("the journal got %q", got)
		}
	}
}
