package control

import (
	"errors"
	"strings"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
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

// What is recorded of holds, and of what they forbid, has no name of who asked for them.
func TestRecordsHaveNoNames(t *testing.T) {
	log := new(journal)
	h := newHouse(t, Options{AccessLog: log})
	id := h.SessionIDs()[0]
	if held, err := h.client.Hold(t.Context(), library.HoldOptions{Session: id, Reason: "claim", By: "ann"}); err != nil || held.By != "ann" {
		t.Fatalf("%+v, %v", held, err)
	}
	if e, err := h.client.EraseSession(t.Context(), id); !errors.Is(err, library.ErrHeld) || e.Held[0].By != "ann" {
		t.Errorf("%+v, %v", e, err)
	}
	if r, err := h.client.Release(t.Context(), library.ReleaseOptions{Session: id, Reason: "settled"}); err != nil || r.By != "ann" {
		t.Errorf("%+v, %v", r, err)
	}
	if len(log.records) != 3 {
		t.Errorf("%d records", len(log.records))
	}
	for _, r := range log.records {
		if text := string(r.Detail) + r.Error; strings.Contains(text, "ann") || !strings.Contains(text, "claim") {
			t.Errorf("%s: %s", r.Operation, text)
		}
	}
}
