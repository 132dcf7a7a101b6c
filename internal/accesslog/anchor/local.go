package anchor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
)

// Local is what an installation remembers of its logs: the last checkpoint of
// each, in its own directory, so that a rollback of a log's directory shows. A
// file's name has a hash of the log's path and the last part of its origin.
type Local struct {
	Directory string
	path      string // of the log
}

// NewLocal returns what the installation of a key remembers of the log at path.
func NewLocal(key *installation.Key, path string) Local {
	return Local{filepath.Join(key.Dir(), "checkpoints"), path}
}

const anchorSuffix = ".checkpoint"

func (a Local) place() string {
	sum := sha256.Sum256([]byte(a.path))
	return hex.EncodeToString(sum[:8])
}

func (a Local) name(origin string) string {
	return filepath.Join(a.Directory, a.place()+"."+filepath.Base(origin)+anchorSuffix)
}

// Write remembers a checkpoint.
func (a Local) Write(d logfile.Disk, origin string, text []byte) error {
	if err := os.MkdirAll(a.Directory, 0o700); err != nil {
		return err
	}
	return d.Replace(a.name(origin), text)
}

// Kept is a checkpoint that was kept.
type Kept struct {
	Source string // a file
	Text   []byte
	Here   bool // of a log at this path
}

// Find returns what is remembered of the log, wherever it was then, and of other
// logs that were at its path.
func (a Local) Find(origin string) (own, others []Kept, err error) {
	entries, err := os.ReadDir(a.Directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	for _, e := range entries {
		place, id, _ := strings.Cut(e.Name(), ".")
		id, ok := strings.CutSuffix(id, anchorSuffix)
		if !ok || id != filepath.Base(origin) && place != a.place() {
			continue
		}
		path := filepath.Join(a.Directory, e.Name())
		text, readErr := logfile.ReadSmall(path)
		err = errors.Join(err, readErr)
		kept := Kept{path, text, place == a.place()}
		if id == filepath.Base(origin) {
			own = append(own, kept)
		} else {
			others = append(others, kept)
		}
	}
	return own, others, err
}
