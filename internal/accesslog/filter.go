package accesslog

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Filter chooses records. Its zero value chooses all; each field that is set leaves
// fewer.
type Filter struct {
	Sessions   []string    `json:"sessions,omitempty"`
	Mentioned  bool        `json:"mentioned,omitempty"` // also records about something else that name a session
	UIDs       []uint32    `json:"uids,omitempty"`      // of the process, or of the login behind it
	Program    string      `json:"program,omitempty"`   // command, executable or its last part
	Since      time.Time   `json:"since,omitzero"`
	Until      time.Time   `json:"until,omitzero"`
	Operations []Operation `json:"operations,omitempty"`
	Failed     bool        `json:"failed,omitempty"` // not those that succeeded
}

// Match reports whether a record is chosen.
func (f *Filter) Match(r *Record) bool {
	switch {
	case len(f.Sessions) > 0 && !slices.Contains(f.Sessions, r.Session) && !(f.Mentioned && f.named(r)),
		len(f.Operations) > 0 && !slices.Contains(f.Operations, r.Operation),
		!f.Since.IsZero() && r.Time.Before(f.Since),
		!f.Until.IsZero() && !r.Time.Before(f.Until),
		f.Failed && r.Outcome == Success:
		return false
	}
	if len(f.UIDs) == 0 && f.Program == "" {
		return true
	}
	c := r.Caller
	if c == nil || len(f.UIDs) > 0 && !f.ofUser(c) {
		return false
	}
	return f.Program == "" || c.Command == f.Program || c.Executable == f.Program || filepath.Base(c.Executable) == f.Program
}

// ofUser reports whether a process is one of the users', or their login began it.
func (f *Filter) ofUser(c *Caller) bool {
	return slices.Contains(f.UIDs, c.UID) || c.Knows("loginuid") && slices.Contains(f.UIDs, c.LoginUID)
}

// named reports whether a record names one of the sessions where an id of a session
// can be. Other ids, such as those of a boot, an attempt or a file, have the same form.
func (f *Filter) named(r *Record) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool {
		return bytes.Contains(r.Detail, []byte(id)) || strings.Contains(r.Error, id) || strings.Contains(r.Document, id) ||
			r.Caller != nil && strings.Contains(r.Caller.Arguments, id)
	})
}

// Mentions reports whether a line has one of the ids anywhere in it. A line that has
// none can't match.
func (f *Filter) Mentions(line []byte) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool { return bytes.Contains(line, []byte(id)) })
}
