package writer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// saltSize is what makes the hash of a record unguessable, in bytes.
const saltSize = 16

// process is what is the same for all records of this process.
var process = sync.OnceValue(func() (p struct{ boot, host string }) {
	p.boot = bootID()
	p.host, _ = os.Hostname()
	return p
})

// fill adds what the log knows of a record when it is handed over.
func (l *Log) fill(r *accesslog.Record) {
	if r.Time.IsZero() {
		r.Time = l.options.Now()
	}
	r.Time = r.Time.UTC().Round(0)
	r.Monotonic, r.Suspended = sinceBoot(), int64(suspended()/time.Second)
	r.Boot, r.Host = process().boot, process().host
	common := &l.options.Common
	for _, field := range [...]struct{ own, common *string }{
		{&r.Version, &common.Version}, {&r.Profile, &common.Profile},
		{&r.Account, &common.Account}, {&r.Mountpoint, &common.Mountpoint},
	} {
		if *field.own == "" {
			*field.own = *field.common
		}
	}
}

// row is a record on its way into the log.
type row struct {
	record *accesslog.Record
	line   []byte // with 0 for its sequence number, and without a newline; nil: not made yet
}

// encode makes the line. Whoever waits for a record does that before handing it over:
// the writer alone would keep all others waiting meanwhile.
func (r *row) encode() (err error) {
	if r.line == nil {
		r.line, err = encode(r.record)
	}
	return err
}

func rowsOf(records []*accesslog.Record) []row {
	rows := make([]row, len(records))
	for i, r := range records {
		rows[i].record = r
	}
	return rows
}

// encode returns the line of a record.
func encode(r *accesslog.Record) ([]byte, error) {
	var salt [saltSize]byte
	rand.Read(salt[:])
	r.Salt = hex.EncodeToString(salt[:])
	line, err := json.Marshal(r)
	if err != nil {
		// Whoever made the detail made no JSON: it is kept as text.
		detail := r.Detail
		r.Detail, _ = json.Marshal(string(detail))
		line, err = json.Marshal(r)
	}
	if err == nil && len(line) > logfile.MaxLine {
		sum := sha256.Sum256(r.Detail)
		r.Detail, _ = json.Marshal(omitted{len(r.Detail), hex.EncodeToString(sum[:])})
		line, err = json.Marshal(r)
	}
	return line, err
}

// omitted takes the place of a detail that is too large.
type omitted struct {
	Bytes  int    `json:"omitted_bytes"`
	SHA256 string `json:"omitted_sha256"`
}

// clockAhead returns how much more a clock has counted than another.
func clockAhead(ahead, behind int32) time.Duration {
	var a, b unix.Timespec
	if unix.ClockGettime(behind, &b) != nil || unix.ClockGettime(ahead, &a) != nil {
		return 0
	}
	return time.Duration(a.Nano() - b.Nano())
}
