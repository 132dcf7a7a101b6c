package writer

import (
	"log/slog"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
)

// Options are the settings of a Log.
type Options struct {
	Path    string          // of the log: a file, or a directory to hold access.log
	Mode    accesslog.Mode  // BestEffort if empty
	Keep    time.Duration   // files whose last record is older are deleted; 0: never
	MaxFile int64           // size in bytes at which a new file begins; 0: 16 MiB
	Anchors []anchor.Anchor // where checkpoints go, beside the installation's directory
	Key     *installation.Key
	Common  accesslog.Record // Version, Profile, Account and Mountpoint of every record
	Logger  *slog.Logger     // nil: none

	Now func() time.Time // nil: time.Now

	disk logfile.Disk // with faults, in tests
}

// Sizes and times.
const (
	defaultMaxFile  = 16 << 20
	filesInKeep     = 10               // in the time that records are kept, at least: so a record stays a tenth longer at most
	maxQueue        = 16384            // records that wait, with best-effort
	maxBatch        = 1024             // records in one write
	probeBatch      = 64               // records in one write after a failure
	checkpointEvery = time.Second      // at most, and one at the end
	closePatience   = 15 * time.Second // for a disk that hangs
)
