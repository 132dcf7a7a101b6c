package hold

import (
	"time"
)

// Report is a hold as it is shown to people and programs.
type Report struct {
	Session  string    `json:"session"`
	Reason   string    `json:"reason"`
	By       string    `json:"by,omitempty"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"`    // left out: until it is released
	Complete time.Time `json:"complete,omitzero"` // when all that was to be had was in the cache; left out: something is missing
	Attempts int       `json:"attempts"`
	Files    int       `json:"files"` // of all attempts, as far as they are known
	// Gone is what Veriff no longer has, and since when that is known; left out if it
	// still has everything.
	Gone *Gone `json:"gone_at_veriff,omitempty"`
}

// Gone is what Veriff no longer has of a session.
type Gone struct {
	Session   time.Time `json:"session,omitzero"` // and so all of it
	Attempts  []GoneID  `json:"attempts,omitempty"`
	Files     []GoneID  `json:"files,omitempty"`
	Documents []GoneID  `json:"documents,omitempty"`
}

// GoneID is an attempt, a file or a document that Veriff no longer has.
type GoneID struct {
	ID      string    `json:"id"` // or the document's name
	Attempt string    `json:"attempt,omitempty"`
	Context string    `json:"context,omitempty"`
	Since   time.Time `json:"since"`
}

// Report describes a hold.
func (r *Record) Report() Report {
	out := Report{
		Session: r.Session.String(), Reason: r.Reason, By: r.By, Since: r.Since, Until: r.Until, Complete: r.Complete,
	}
	gone := Gone{Session: r.Gone}
	for _, a := range r.Attempts {
		var attempt string
		if !a.ID.IsZero() {
			out.Attempts++
			attempt = a.ID.String()
		}
		out.Files += len(a.Files)
		if !a.Gone.IsZero() {
			gone.Attempts = append(gone.Attempts, GoneID{ID: attempt, Since: a.Gone})
		}
		for _, f := range a.Files {
			if !f.Gone.IsZero() {
				gone.Files = append(gone.Files, GoneID{ID: f.ID.String(), Attempt: attempt, Context: f.Context, Since: f.Gone})
			}
		}
	}
	for _, d := range r.Documents {
		gone.Documents = append(gone.Documents, GoneID{ID: d.Name + ".json", Since: d.Gone})
	}
	if !gone.Session.IsZero() || len(gone.Attempts)+len(gone.Files)+len(gone.Documents) > 0 {
		out.Gone = &gone
	}
	return out
}

// Changed is when a hold last became as it is, as far as the record tells.
func (r *Record) Changed() (last time.Time) {
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, t := range []time.Time{r.Since, r.Gone, r.Complete} {
		later(t)
	}
	for _, a := range r.Attempts {
		later(a.Gone)
		for _, f := range a.Files {
			later(f.Gone)
		}
	}
	for _, d := range r.Documents {
		later(d.Gone)
	}
	return last
}
