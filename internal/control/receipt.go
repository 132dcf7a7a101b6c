package control

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"veriffs/internal/accesslog"
	"veriffs/veriff"
)

// Receipt is what the access log is to know of the receipt of a purge: which file it is,
// and nothing that it says about people.
type Receipt struct {
	Session  string `json:"session,omitempty"`   // "" if all was to be erased
	Outcome  string `json:"outcome"`             // of the purge: a key of outcomes
	SHA256   string `json:"sha256"`              // of the receipt, in hexadecimal
	SignedBy string `json:"signed_by,omitempty"` // the key's fingerprint, SHA256:…; "" if it is not signed
}

// outcomes are those of a purge, as its record has them.
var outcomes = map[string]accesslog.Outcome{
	"erased": accesslog.Success, "unproven": accesslog.Success, "refused": accesslog.Refused, "failed": accesslog.Failed,
}

var (
	sha256Form      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fingerprintForm = regexp.MustCompile(`^(SHA256:[A-Za-z0-9+/]{43})?$`)
)

// check refuses a receipt with anything else in it: what it has gets into the log.
func (r *Receipt) check() error {
	if r.Session != "" {
		if _, err := veriff.ParseSessionID(r.Session); err != nil {
			return err
		}
	}
	if outcomes[r.Outcome] == "" || !sha256Form.MatchString(r.SHA256) || !fingerprintForm.MatchString(r.SignedBy) {
		return fmt.Errorf("not a receipt: %+v", *r)
	}
	return nil
}

// RecordReceipt adds to a log which receipt the purge has that was recorded last. It is
// a record of its own, since a receipt is made when all that it tells of is done.
func RecordReceipt(ctx context.Context, to accesslog.Recorder, r Receipt) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	record := accesslog.Record{Operation: accesslog.OpPurge, Outcome: outcomes[r.Outcome], Session: r.Session}
	r.Session = ""
	return write(ctx, to, record, asked{All: record.Session == "", Receipt: &r})
}

func (s *Server) handleReceipts(mux *http.ServeMux) {
	answer(mux, s, http.MethodPost, pathReceipt, func(ctx context.Context, r Receipt) (any, error) {
		if s.records == nil {
			return struct{}{}, nil
		}
		return struct{}{}, RecordReceipt(ctx, s.records, r)
	})
}

// RecordReceipt has the mount's access log, if it keeps one, name the receipt of a purge.
func (c *Client) RecordReceipt(ctx context.Context, r Receipt) error {
	return c.call(ctx, http.MethodPost, pathReceipt, r, new(struct{}))
}
