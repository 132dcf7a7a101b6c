package control

import (
	"errors"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
)

// The log names a receipt by its hash, with who asked, and takes nothing else for one.
func TestReceiptsThroughTheSocket(t *testing.T) {
	log := new(journal)
	h := newHouse(t, Options{AccessLog: log})
	id, sum, key := h.SessionIDs()[0].String(), strings.Repeat("0a", 32), "SHA256:"+strings.Repeat("x", 43)
	for _, r := range []Receipt{
		{Session: id, Outcome: "refused", SHA256: sum, SignedBy: key},
		{Outcome: "erased", SHA256: sum},
	} {
		if err := h.client.RecordReceipt(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := []accesslog.Record{
		{Session: id, Outcome: accesslog.Refused, Detail: []byte(`{"receipt":{"outcome":"refused","sha256":"` + sum + `","signed_by":"` + key + `"}}`)},
		{Outcome: accesslog.Success, Detail: []byte(`{"all":true,"receipt":{"outcome":"erased","sha256":"` + sum + `"}}`)},
	}
	for i, r := range log.records {
		if w := want[i]; r.Operation != accesslog.OpPurge || r.Caller == nil || r.Session != w.Session || r.Outcome != w.Outcome || string(r.Detail) != string(w.Detail) {
			t.Errorf("%+v, detail %s", r, r.Detail)
		}
	}
	for _, r := range []Receipt{
		{Session: "ann", Outcome: "erased", SHA256: sum},
		{Outcome: "ann", SHA256: sum},
		{Outcome: "erased", SHA256: "ann"},
		{Outcome: "erased", SHA256: sum, SignedBy: "ann"},
	} {
		if err := h.client.RecordReceipt(t.Context(), r); !errors.Is(err, errRequest) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	log.full = errors.New("disk full")
	if err := h.client.RecordReceipt(t.Context(), Receipt{Outcome: "erased", SHA256: sum}); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("what is not recorded: %v", err)
	}
	if len(log.records) != len(want) {
		t.Errorf("%d records", len(log.records))
	}
	// A mount without a log has nothing to record it in.
	if err := newHouse(t, Options{}).client.RecordReceipt(t.Context(), Receipt{Outcome: "erased", SHA256: sum}); err != nil {
		t.Error(err)
	}
}
