package command

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"
)

// newLogger returns the logger that the flags ask for and what to close in
// the end. It writes to standard error unless a file is named.
func newLogger(c *cli.Context) (*slog.Logger, io.Closer, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String(flagLogLevel))); err != nil {
		return nil, nil, usageError("--%s is debug, info, warn or error, not %q", flagLogLevel, c.String(flagLogLevel))
	}
	var (
		w               = c.App.ErrWriter
		close io.Closer = io.NopCloser(nil)
	)
	if name := c.String(flagLogFile); name != "" {
		// A pipe waits for somebody who reads it.
		f, err := interruptible(c.Context, func() (*logFile, error) { return openLogFile(name) })
		if err != nil {
			return nil, nil, usageError("the log file can't be written: %w", err)
		}
		w, close = f, f
	}
	options := &slog.HandlerOptions{Level: level}
	switch format := c.String(flagLogFormat); format {
	case "text":
		return slog.New(limitRepeats(slog.NewTextHandler(w, options))), close, nil
	case "json":
		return slog.New(limitRepeats(slog.NewJSONHandler(w, options))), close, nil
	default:
		return nil, nil, usageError("--%s is text or json, not %q", flagLogFormat, format)
	}
}

// logFile is a log that can be moved away and begun anew.
type logFile struct {
	name string // absolute: a process in the background leaves its directory

	mu   sync.Mutex
	file *os.File
}

func openLogFile(name string) (*logFile, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	l := &logFile{name: name}
	return l, l.reopen()
}

// reopen goes on in the file that has the log's name now. After an error it
// goes on in the one that it has.
func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.file
	l.file = f
	l.mu.Unlock()
	if old != nil {
		_ = old.Close() // each line was written when it was logged
	}
	return nil
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
