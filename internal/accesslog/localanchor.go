package accesslog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"veriffs/internal/installation"
)

// localAnchor is what an installation remembers of its logs: the last checkpoint of
// each, in its own directory, so that a rollback of a log's directory shows. A
// file's name has a hash of the log's path and the last part of its origin.
type localAnchor struct {
	directory string
	path      string // of the log
	key       *installation.Key
}

func newLocalAnchor(key *installation.Key, path string) localAnchor {
	return localAnchor{filepath.Join(key.Dir(), "checkpoints"), path, key}
}

const anchorSuffix = ".checkpoint"

func (a localAnchor) place() string {
	sum := sha256.Sum256([]byte(a.path))
	return hex.EncodeToString(sum[:8])
}

func (a localAnchor) name(origin string) string {
	return filepath.Join(a.directory, a.place()+"."+filepath.Base(origin)+anchorSuffix)
}

// write remembers a checkpoint.
func (a localAnchor) write(d disk, origin string, text []byte) error {
	if err := os.MkdirAll(a.directory, 0o700); err != nil {
		return err
	}
	return d.replace(a.name(origin), text)
}

// anchored is a checkpoint that was kept.
type anchored struct {
	source string // a file
	text   []byte
	here   bool // of a log at this path
}

// find returns what is remembered of the log, wherever it was then, and of other
// logs that were at its path.
func (a localAnchor) find(origin string) (own, others []anchored, err error) {
	entries, err := os.ReadDir(a.directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	for _, e := range entries {
		place, id, _ := strings.Cut(e.Name(), ".")
		id, ok := strings.CutSuffix(id, anchorSuffix)
		if !ok || id != filepath.Base(origin) && place != a.place() {
			continue
		}
		path := filepath.Join(a.directory, e.Name())
		text, readErr := readSmall(path)
		err = errors.Join(err, readErr)
		kept := anchored{path, text, place == a.place()}
		if id == filepath.Base(origin) {
			own = append(own, kept)
		} else {
			others = append(others, kept)
		}
	}
	return own, others, err
}

// check compares the log with what is remembered of it.
func (a localAnchor) check(s *store) error {
	own, _, err := a.find(s.origin)
	if err != nil {
		s.log.Warn("what the installation remembers of the access log can't be read", "error", err)
	}
	for _, kept := range own {
		c, err := parseCheckpoint(kept.text, a.key.VerifierKey(s.origin))
		if err != nil {
			s.log.Warn("what the installation remembers of the access log can't be used: it "+err.Error(), "file", kept.source)
			continue
		}
		if err := s.continues(c.Size, c.Root); err != nil {
			return fmt.Errorf("is not what it was when %s was written: it %w", kept.source, err)
		}
		if !kept.here {
			s.log.Info("the access log was moved here", "remembered as", kept.source)
		}
	}
	return nil
}

// replaced returns a record for each log that was at the path of one that begins.
func (a localAnchor) replaced(origin string) (found []Record) {
	_, others, _ := a.find(origin)
	for _, kept := range others {
		if c, err := parseCheckpointText(string(kept.text)); err == nil && c.Size > 0 {
			found = append(found, gap(lostData{Reason: "another log was here, " + c.Origin, Lost: uint64(c.Size)}))
		}
	}
	return found
}
