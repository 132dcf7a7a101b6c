// Package journal sends slog's records to systemd's journal by its native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), so that each attribute is a field by
// which records can be found.
//
// A record is one datagram. It is either sent by the time Handle returns, or handed to
// the handler that logs otherwise: while there is no journal, while it takes nothing,
// and if the record is too large for a datagram. A Handler may be used by many
// goroutines.
package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// Socket is where the journal takes records.
const Socket = "/run/systemd/journal/socket"

// identifier is the SYSLOG_IDENTIFIER of all records, and in front of each line that
// journalctl shows.
const identifier = "veriffs"

// fieldPrefix begins the fields that are attributes: VERIFFS_SESSION is that of session.
const fieldPrefix = "VERIFFS_"

// maxField is the longest name of a field that journald takes.
const maxField = 64

// OnStandardError reports whether standard error is a stream to the journal, which goes
// on when whoever started us has ended: see JOURNAL_STREAM in systemd.exec(5).
func OnStandardError() bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is
}

// Handler is a slog.Handler that writes to the journal.
type Handler struct {
	lines     *lines
	text      slog.Handler // writes to lines
	otherwise slog.Handler // takes what can't be sent
	to        *socket
	prefix    string // of fields
	fields    []byte // those of WithAttrs
}

// New returns a handler for a journal's socket, or an error if nobody listens there.
// Records that it can't send go to otherwise, which also decides what level is logged.
func New(path string, otherwise slog.Handler) (*Handler, error) {
	to, err := connect(path)
	if err != nil {
		return nil, err
	}
	l := &lines{}
	text := slog.NewTextHandler(&l.line, nil)
	return &Handler{lines: l, text: text, otherwise: otherwise, to: to, prefix: fieldPrefix}, nil
}

// Close closes the connection. Records that come later go to the other handler.
func (h *Handler) Close() error { return h.to.Close() }

// Enabled reports whether records of this level are logged.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.otherwise.Enabled(ctx, level)
}

// Handle sends a record: its message is the sentence with the attributes behind it,
// and each attribute is a field, too.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	message, err := h.lines.format(ctx, h.text, r)
	if err != nil {
		return err
	}
	record := appendField(nil, "MESSAGE", message)
	record = appendField(record, "PRIORITY", strconv.Itoa(int(priority(r.Level))))
	record = appendField(record, "SYSLOG_IDENTIFIER", identifier)
	record = append(record, h.fields...)
	r.Attrs(func(a slog.Attr) bool {
		record = appendAttr(record, h.prefix, a)
		return true
	})
	if h.to.send(record) != nil {
		return h.otherwise.Handle(ctx, r)
	}
	return nil
}

// WithAttrs returns a handler whose records have these attributes.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.text, with.otherwise = h.text.WithAttrs(attrs), h.otherwise.WithAttrs(attrs)
	with.fields = bytes.Clone(h.fields)
	for _, a := range attrs {
		with.fields = appendAttr(with.fields, h.prefix, a)
	}
	return &with
}

// WithGroup returns a handler that puts a name in front of those of all further
// attributes.
func (h *Handler) WithGroup(name string) slog.Handler {
	with := *h
	with.text, with.otherwise = h.text.WithGroup(name), h.otherwise.WithGroup(name)
	if name != "" {
		with.prefix += name + "_"
	}
	return &with
}

// lines writes messages as slog.TextHandler does, which knows how to quote. All handlers
// that are derived from one share it.
type lines struct {
	mu   sync.Mutex
	line bytes.Buffer
}

// format returns the message and its attributes, without the time and the level, which
// the journal has by itself.
func (l *lines) format(ctx context.Context, text slog.Handler, r slog.Record) (string, error) {
	r, message := r.Clone(), r.Message
	r.Message = ""
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line.Reset()
	if err := text.Handle(ctx, r); err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(l.line.String(), slog.MessageKey+`=""`)
	return message + strings.TrimSuffix(after, "\n"), nil
}

func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	default:
		return journal.PriDebug
	}
}

// appendAttr appends an attribute, or those of a group, as fields.
func appendAttr(record []byte, prefix string, a slog.Attr) []byte {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		if a.Equal(slog.Attr{}) {
			return record
		}
		return appendField(record, prefix+a.Key, text(a.Value))
	}
	if a.Key != "" {
		prefix += a.Key + "_"
	}
	for _, a := range a.Value.Group() {
		record = appendAttr(record, prefix, a)
	}
	return record
}

// text is a value as it is in the message.
func text(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().Format(time.RFC3339)
	}
	return v.String()
}

// appendField appends a field. A value of several lines has its length in front.
func appendField(record []byte, name, value string) []byte {
	record = append(record, fieldName(name)...)
	if strings.Contains(value, "\n") {
		record = append(record, '\n')
		record = binary.LittleEndian.AppendUint64(record, uint64(len(value)))
	} else {
		record = append(record, '=')
	}
	record = append(record, value...)
	return append(record, '\n')
}

// fieldName makes of a name one that journald takes, or it would drop the field.
func fieldName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_':
			return r
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		default:
			return '_'
		}
	}, name)
	return name[:min(len(name), maxField)]
}
