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

	"veriffs/internal/journal"
)

// newLogger returns the logger that the flags describe, and what to close at the
// end. It logs to standard error unless a file is named, and to the journal itself if
// that is where standard error goes.
func newLogger(c *cli.Context) (*slog.Logger, io.Closer, error) {
	level, json, err := readLogging(c)
	if err != nil {
		return nil, nil, err
	}
	var (
		w               = c.App.ErrWriter
		close io.Closer = io.NopCloser(nil)
	)
	if name := c.String(flagLogFile); name != "" {
		// Opening a pipe waits for a reader.
		f, err := interruptible(c.Context, func() (*logFile, error) { return openLogFile(name) })
		if err != nil {
			return nil, nil, usageError("can't write the log file: %w", err)
		}
		w, close = f, f
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if json {
		handler = slog.NewJSONHandler(w, options)
	} else if w == os.Stderr && journal.OnStandardError() {
		// Without its socket the journal still has the lines of standard error.
		if j, err := journal.New(journal.Socket, handler); err == nil {
			handler, close = j, j
		}
	}
	logger := slog.New(limitRepeats(handler))
	log.SetOutput(bystander{logger})
	return logger, close, nil
}

func readLogging(c *cli.Context) (level slog.Level, json bool, err error) {
	if level.UnmarshalText([]byte(c.String(flagLogLevel))) != nil {
		return level, false, usageError("--%s must be debug, info, warn or error, not %q", flagLogLevel, c.String(flagLogLevel))
	}
	switch format := c.String(flagLogFormat); format {
	case "text", "json":
		return level, format == "json", nil
	default:
		return level, false, usageError("--%s must be text or json, not %q", flagLogFormat, format)
	}
}

// muteLibraries discards what libraries write to Go's standard logger: net/http
// quotes unexpected bytes of a connection there, which may be a piece of a
// passport. We never log that way ourselves.
func muteLibraries() {
	log.SetFlags(log.Lshortfile)
	log.SetOutput(io.Discard)
}

// bystander logs where a line of the standard logger came from, without its text.
type bystander struct{ log *slog.Logger }

// where matches the beginning of a line, written by log.Lshortfile.
var where = regexp.MustCompile(`^[\w.-]+\.go:\d+`)

func (b bystander) Write(line []byte) (int, error) {
	b.log.Debug("a library logged something; its text is left out because it may quote a file", "at", string(where.Find(line)))
	return len(line), nil
}

// logFile is a log file that can be rotated: moved away and reopened.
type logFile struct {
	name string // absolute: a background process changes its directory

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

// reopen switches to the file that now has the log's name. After an error the old
// file stays in use.
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
