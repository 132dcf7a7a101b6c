package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"path/filepath"
	"slices"
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

// Match reports whether a record is chosen; line is the record as it is in the log.
func (f *Filter) Match(r *Record, line []byte) bool {
	switch {
	case len(f.Sessions) > 0 && !slices.Contains(f.Sessions, r.Session) && !(f.Mentioned && f.mentions(line)),
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
	if c == nil || len(f.UIDs) > 0 && !slices.Contains(f.UIDs, c.UID) && !slices.Contains(f.UIDs, c.LoginUID) {
		return false
	}
	return f.Program == "" || c.Command == f.Program || c.Executable == f.Program || filepath.Base(c.Executable) == f.Program
}

// mentions reports whether a line has the id of one of the sessions in it.
func (f *Filter) mentions(line []byte) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool { return bytes.Contains(line, []byte(id)) })
}

// chosen reads a line if the filter chooses it.
func (f *Filter) chosen(line []byte) (*Record, bool) {
	if len(f.Sessions) > 0 && !f.mentions(line) { // most lines, quickly
		return nil, false
	}
	if _, erased := parseStub(line); erased {
		return nil, false
	}
	r, err := parseRecord(line)
	if err != nil {
		return nil, false
	}
	return &r, f.Match(&r, line)
}

// Read calls each with every record that a filter chooses, oldest first, and the
// line it was read from, which each must not keep. It does not verify the log. path
// is that of the log; an error is an *Error.
func Read(path string, f Filter, each func(r *Record, line []byte) error) error {
	base, err := BasePath(path)
	if err != nil {
		return &Error{path, err, "name the log with --access-log"}
	}
	s, err := takeSnapshot(files{base})
	if err != nil {
		return readError(base, err)
	}
	defer s.Close()
	for _, file := range s.records {
		_, err := file.each(func(line []byte, _ int) error {
			if r, ok := f.chosen(line); ok {
				return each(r, line)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errLongLine) { // what Verify tells of
			return err
		}
	}
	return nil
}

func readError(base string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		err, hint = errors.New("does not exist"), "name the log that the mount writes with --access-log"
	case errors.Is(err, iofs.ErrPermission):
		hint = "only the user whose mount writes the log can read it"
	}
	return &Error{base, err, hint}
}

// Exists returns an *Error if there is no log at path that can be read.
func Exists(path string) error {
	base, err := BasePath(path)
	if err != nil {
		return &Error{path, err, "name the log with --access-log"}
	}
	s, err := takeSnapshot(files{base})
	if err != nil {
		return readError(base, err)
	}
	return s.Close()
}

// Origin returns which log is at path, as its checkpoint says, unverified: the name
// of the key that signs it. An error is an *Error, and says so if there is no log.
func Origin(path string) (string, error) {
	base, err := BasePath(path)
	if err != nil {
		return "", &Error{path, err, "name the log with --access-log"}
	}
	text, err := readSmall(files{base}.checkpoint())
	if err != nil {
		return "", readError(base, err)
	}
	origin, err := originOf(text)
	if err != nil {
		return "", &Error{base, fmt.Errorf("has a checkpoint that %w", err), "veriffs log verify says what else is wrong"}
	}
	return origin, nil
}
