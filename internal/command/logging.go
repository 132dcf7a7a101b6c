package command

import (
	"io"
	"log/slog"
	"os"

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
		w     = c.App.ErrWriter
		close = io.NopCloser(nil)
	)
	if name := c.String(flagLogFile); name != "" {
		// A pipe waits for somebody who reads it.
		f, err := interruptible(c.Context, func() (*os.File, error) {
			return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		})
		if err != nil {
			return nil, nil, usageError("the log file can't be written: %w", err)
		}
		w, close = f, f
	}
	options := &slog.HandlerOptions{Level: level}
	switch format := c.String(flagLogFormat); format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), close, nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), close, nil
	default:
		return nil, nil, usageError("--%s is text or json, not %q", flagLogFormat, format)
	}
}
