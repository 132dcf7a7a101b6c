package audit

import (
	"errors"
	"fmt"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"
)

// Read calls each with every record that a filter chooses, oldest first, and the
// line it was read from, which each must not keep. It does not verify the log. path
// is that of the log; an error is an *Error. A file that can't be read is an error once
// all others were read.
func Read(path string, f accesslog.Filter, each func(r *accesslog.Record, line []byte) error) error {
	return eachLine(path, func(line []byte) error {
		if r, ok := logfile.Choose(&f, line); ok {
			return each(r, line)
		}
		return nil
	})
}

// ToErase says what erasing the records of a session would take. Errors are as of Read.
func ToErase(path, session string) (accesslog.Erasure, error) {
	e := accesslog.Erasure{Session: session}
	err := eachLine(path, func(line []byte) error {
		logfile.Weigh(&e, line)
		return nil
	})
	return e, err
}

// eachLine calls each with every whole line of a log's records, oldest first.
func eachLine(path string, each func(line []byte) error) error {
	s, err := open(path)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, file := range s.records {
		_, err := file.each(func(line []byte, _ int) error { return each(line) })
		if err != nil && !errors.Is(err, logfile.ErrLongLine) { // what Verify tells of
			return err
		}
	}
	return s.unreadError()
}

// open takes a snapshot of the log at path. An error is an *Error, and says so if there
// is none.
func open(path string) (*snapshot, error) {
	base, err := logfile.BasePath(path)
	if err != nil {
		return nil, &accesslog.Error{Path: path, Err: err, Hint: "name the log with --access-log"}
	}
	s, err := takeSnapshot(logfile.Files{Base: base})
	if err != nil {
		return nil, readError(base, err)
	}
	switch {
	case s.absent():
		err = readError(base, iofs.ErrNotExist)
	case s.bare():
		err = errBare(base)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func readError(base string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		err, hint = errors.New("does not exist"), "name the log that the mount writes with --access-log"
	case errors.Is(err, logfile.ErrLocked):
		hint = "find it with: fuser " + logfile.Files{Base: base}.Lock()
	case errors.Is(err, iofs.ErrPermission):
		hint = "only the user whose mount writes the log can read it"
	}
	return &accesslog.Error{Path: base, Err: err, Hint: hint}
}

// errBare says that what is at path is no log, or what is left of one.
func errBare(base string) error {
	return &accesslog.Error{Path: base, Err: errors.New("is no access log of veriffs: neither its tree nor its checkpoint is beside it"),
		Hint: "name the log that the mount writes with --access-log; a copy needs all of its files"}
}

// Exists returns an *Error if there is no log at path that can be read.
func Exists(path string) error {
	s, err := open(path)
	if err != nil {
		return err
	}
	return s.Close()
}

// Origin returns which log is at path, as its checkpoint says, unverified: the name
// of the key that signs it. An error is an *Error, and says so if there is no log.
func Origin(path string) (string, error) {
	base, err := logfile.BasePath(path)
	if err != nil {
		return "", &accesslog.Error{Path: path, Err: err, Hint: "name the log with --access-log"}
	}
	text, err := logfile.ReadSmall(logfile.Files{Base: base}.Checkpoint())
	if err != nil {
		return "", readError(base, err)
	}
	origin, err := logfile.OriginOf(text)
	if err != nil {
		return "", &accesslog.Error{Path: base, Err: fmt.Errorf("has a checkpoint that %w", err), Hint: "veriffs log verify says what else is wrong"}
	}
	return origin, nil
}
