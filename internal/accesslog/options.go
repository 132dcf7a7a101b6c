package accesslog

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"veriffs/internal/installation"
)

// Mode says what a record that can't be written means.
type Mode string

// The modes.
const (
	BestEffort Mode = "best-effort" // it is counted, complained of, and a log-gap record follows
	Required   Mode = "required"    // Record fails, and so does what was to be recorded
)

// ParseMode reads a mode.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case BestEffort, Required:
		return m, nil
	}
	return "", fmt.Errorf("must be %s or %s, not %q", Required, BestEffort, text)
}

// Options are the settings of a Log.
type Options struct {
	Path    string        // of the log: a file, or a directory to hold access.log
	Mode    Mode          // BestEffort if empty
	Keep    time.Duration // rotated files whose last record is older are deleted; 0: never
	MaxFile int64         // size in bytes at which a new file begins; 0: 16 MiB
	Anchors []Anchor      // where checkpoints go, beside the installation's directory
	Key     *installation.Key
	Common  Record       // Version, Profile, Account and Mountpoint of every record
	Logger  *slog.Logger // nil: none

	Now func() time.Time // nil: time.Now

	disk disk // with faults, in tests
}

// Sizes and times.
const (
	defaultMaxFile  = 16 << 20
	maxLine         = 4 << 20          // of a record, in bytes
	maxQueue        = 16384            // records that wait, with best-effort
	maxBatch        = 1024             // records in one write
	checkpointEvery = time.Second      // at most, and one at the end
	lockPatience    = 10 * time.Second // for another process that holds the lock
	closePatience   = 15 * time.Second // for a disk that hangs
)

// Error says for people why a log can't be used.
type Error struct {
	Path string
	Err  error
	Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("the access log %s: %v", e.Path, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Errors of Record.
var (
	ErrClosed = errors.New("accesslog: the log is closed")
	errFull   = errors.New("accesslog: the queue is full")
)

// BasePath is the path of the current file of the log that path names: path
// itself, or access.log in the directory that it is or, with a slash at the end,
// is to be. The result is absolute.
func BasePath(path string) (string, error) {
	if path == "" {
		return "", errors.New("the access log needs a path")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	if err == nil && info.IsDir() || strings.HasSuffix(path, string(filepath.Separator)) {
		return filepath.Join(abs, "access.log"), nil
	}
	return abs, nil
}
