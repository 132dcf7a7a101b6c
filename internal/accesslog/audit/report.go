package audit

import (
	"fmt"
	"path/filepath"
)

// Kind is what is wrong.
type Kind string

// The kinds of findings.
const (
	Edited     Kind = "edited"      // a record is not what was logged
	Removed    Kind = "removed"     // records are missing
	Truncated  Kind = "truncated"   // records are missing from the end
	Inserted   Kind = "inserted"    // a line was never logged
	Duplicated Kind = "duplicated"  // a record is there twice
	Misplaced  Kind = "misplaced"   // a record is not in its order
	Erasure    Kind = "erasure"     // a record was erased, and no log-erase record says so
	RolledBack Kind = "rolled-back" // a checkpoint knows records that the log has not
	Rewritten  Kind = "rewritten"   // a checkpoint knows other records than the log has
	Damaged    Kind = "damaged"     // the tree, a checkpoint or a name; the records may be right
	Replaced   Kind = "replaced"    // another log was at this path
)

// Finding is something that is wrong with a log.
type Finding struct {
	Kind Kind   `json:"kind"`
	From int64  `json:"from"` // sequence number of the record concerned, or -1
	To   int64  `json:"to"`   // of the last record concerned
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // from 1
	Text string `json:"text"`
}

func (f Finding) String() string {
	where := ""
	if f.File != "" {
		where = filepath.Base(f.File)
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, f.Line)
		}
		where += ": "
	}
	return fmt.Sprintf("%s: %s%s", f.Kind, where, f.Text)
}

// Compared is a checkpoint that the log was compared with, and continues.
type Compared struct {
	Source string `json:"source"`
	Size   int64  `json:"records"`
}

// Report is what a verification found.
type Report struct {
	Path     string     `json:"path"`
	Origin   string     `json:"origin"`
	Foreign  bool       `json:"foreign,omitempty"` // the key did not sign the checkpoint: nothing else was looked at
	Records  int64      `json:"records"`           // that were ever logged, as far as the log knows
	Signed   int64      `json:"signed"`            // of them, by the newest checkpoint beside the log
	Intact   int64      `json:"intact"`            // of them, unchanged lines
	Erased   int64      `json:"erased"`            // on request, as a record says
	Retired  int64      `json:"retired"`           // after their time, as a record says
	Compared []Compared `json:"compared"`
	Findings []Finding  `json:"findings"`
	Silences []Silence  `json:"silences"` // nothing is wrong with the log, and something may be with what it tells of
	Notes    []string   `json:"notes"`    // what the log says of itself, and what was not checked
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) find(kind Kind, from, to int64, format string, args ...any) *Finding {
	r.Findings = append(r.Findings, Finding{Kind: kind, From: from, To: to, Text: fmt.Sprintf(format, args...)})
	return &r.Findings[len(r.Findings)-1]
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// maxFindings bounds a report about a log that has little right.
const maxFindings = 1000
