package command

import (
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
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
	var logger *slog.Logger
	switch format := c.String(flagLogFormat); format {
	case "text":
		logger = slog.New(limitRepeats(slog.NewTextHandler(w, options)))
	case "json":
		logger = slog.New(limitRepeats(slog.NewJSONHandler(w, options)))
	default:
		return nil, nil, usageError("--%s is text or json, not %q", flagLogFormat, format)
	}
	log.SetOutput(bystander{logger})
	return logger, close, nil
}

// muteLibraries keeps what libraries write to Go's standard logger out of
// sight: net/http quotes there what it did not expect on a connection, which
// may be a piece of a passport. Nothing of ours logs that way.
func muteLibraries() {
	log.SetFlags(log.Lshortfile)
	log.SetOutput(io.Discard)
}

// bystander takes lines of the standard logger, and tells where they came from
// without what they say.
type bystander struct{ log *slog.Logger }

// where matches the beginning of a line, by log.Lshortfile.
var where = regexp.MustCompile(`^[\w.-]+\.go:\d+`)

func (b bystander) Write(line []byte) (int, error) {
	b.log.Debug("a library complains; what it says is left out, since it may quote a file", "at", string(where.Find(line)))
	return len(line), nil
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
