package control

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/veriff/sandbox"
)

// journal is an access log in memory, which fails if told to.
type journal struct {
	mu      sync.Mutex
	records []accesslog.Record
	full    error
}

func (j *journal) Record(_ context.Context, r accesslog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full == nil {
		j.records = append(j.records, r)
	}
	return j.full
}

func (j *journal) Status() accesslog.Status { return accesslog.Status{} }

func (j *journal) Prove(f accesslog.Filter) (*audit.Proof, error) {
	return &audit.Proof{Filter: f, Entries: []audit.Entry{}}, nil
}

// What is handed out through the socket is what the library has, and each opening
// is recorded with who asked, before it succeeds.
func TestExhibitsThroughTheSocket(t *testing.T) {
	log := new(journal)
	h := newHouse(t, Options{AccessLog: log})
	session := h.Sessions()[0]
	want := exhibit.Selection{AllAttempts: true}
	v, err := h.client.Exhibits(t.Context(), session.ID, want)
	if err != nil || len(v.Items) == 0 || len(v.Missing) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	media := 0
	for _, i := range v.Items {
		body, o, err := h.client.OpenExhibit(t.Context(), i)
		if err != nil {
			t.Fatal(i, err)
		}
		text, err := io.ReadAll(body)
		body.Close()
		if err != nil || int64(len(text)) != o.Size || !o.Verified || o.Signature == "" || o.SecretID == "" {
			t.Errorf("%+v: %d bytes, %+v, %v", i, len(text), o, err)
		}
		last := log.records[len(log.records)-1]
		if last.Operation != accesslog.OpExport || last.Outcome != accesslog.Success || last.Caller == nil || last.Caller.PID != uint32(os.Getpid()) ||
			last.Session != session.ID.String() || last.Media != i.Media || last.Context != i.Context || last.Attempt != i.Attempt || last.SHA256 != o.SHA256 || last.Size != o.Size || last.SecretID != o.SecretID ||
			(i.Kind == exhibit.Document) != (last.Document == i.Name) || (last.From == accesslog.FromAPI) != o.Fetched {
			t.Errorf("%+v is recorded as %+v", i, last)
		}
		if i.Kind == exhibit.Media {
			media++
			if a := session.Attempts[0].Media; i.Attempt == session.Attempts[0].ID.String() &&
				!slices.ContainsFunc(a, func(f sandbox.File) bool { return f.ID.String() == i.Media && string(h.Bytes(f.ID)) == string(text) }) {
				t.Errorf("%+v is not what the API has", i)
			}
		}
	}
	if media == 0 {
		t.Error("no media")
	}
	if p, err := h.client.Prove(t.Context(), []string{session.ID.String()}); err != nil || p == nil || !slices.Equal(p.Filter.Sessions, []string{session.ID.String()}) {
		t.Errorf("%+v, %v", p, err)
	}
	a, err := h.client.Audit(t.Context())
	if last := log.records[len(log.records)-1]; err != nil || a.Objects == 0 || len(a.Damaged) != 0 || last.Operation != accesslog.OpVerify {
		t.Errorf("%+v, %v, recorded as %+v", a, err, last)
	}
	// What can't be recorded is not handed out.
	log.full = errors.New("disk full")
	if _, _, err := h.client.OpenExhibit(t.Context(), v.Items[0]); err == nil {
		t.Error("an opening that is not recorded succeeds")
	}
}

// Items that are made up name nothing, and what the API denies is recorded.
func TestExhibitsThatAreNone(t *testing.T) {
	log := new(journal)
	h := newHouse(t, Options{AccessLog: log})
	attempt := h.Sessions()[1].Attempts[0]
	id, other := h.Sessions()[0].ID.String(), h.Sessions()[1].Attempts[0].Media[0].ID.String()
	for _, i := range []exhibit.Item{
		{Kind: exhibit.Media, Session: id, Media: other}, // of another session
		{Kind: exhibit.Media, Session: "../etc", Media: other},
		{Kind: exhibit.Media, Session: id, Media: "passwd"},
		{Kind: exhibit.Media, Session: id, Media: other, Attempt: "x", OfAttempt: true},
		{Kind: exhibit.Document, Session: id, Name: "../decision.json"},
		{Kind: exhibit.Media, Session: id, Media: other, Attempt: attempt.ID.String(), OfAttempt: true}, // likewise
		{Kind: exhibit.Media, Session: h.Sessions()[1].ID.String(), Media: other, Attempt: attempt.ID.String(), OfAttempt: true, Context: "lies"},
		{Kind: exhibit.Document, Session: id, Name: "media.json", Attempt: attempt.ID.String(), OfAttempt: true},
		{Kind: exhibit.Document, Session: id, Name: "decision.json", Attempt: attempt.ID.String()},
		{Kind: "other", Session: id, Name: "decision.jso"},
	} {
		_, _, err := h.client.OpenExhibit(t.Context(), i)
		if err == nil {
			t.Errorf("%+v is handed out", i)
		}
		if last := log.records[len(log.records)-1]; last.Outcome != accesslog.Failed || last.Error == "" {
			t.Errorf("%+v is recorded as %+v", i, last)
		}
	}
	_, _, err := h.client.OpenExhibit(t.Context(), exhibit.Item{Kind: exhibit.Media, Session: id, Media: other})
	if !errors.Is(err, library.ErrNotFound) {
		t.Error(err)
	}
}
