package writer

import (
	"fmt"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// checkRemembered compares the log with what the installation remembers of it.
func (s *store) checkRemembered() error {
	own, _, err := s.anchor.Find(s.origin)
	if err != nil {
		s.log.Warn("what the installation remembers of the access log can't be read", "error", err)
	}
	for _, kept := range own {
		c, err := logfile.ParseCheckpoint(kept.Text, s.options.Key.VerifierKey(s.origin))
		if err != nil {
			s.log.Warn("what the installation remembers of the access log can't be used: it "+err.Error(), "file", kept.Source)
			continue
		}
		if err := s.continues(c.Size, c.Root); err != nil {
			return fmt.Errorf("is not what it was when %s was written: it %w", kept.Source, err)
		}
		if !kept.Here {
			s.log.Info("the access log was moved here", "remembered as", kept.Source)
		}
	}
	return nil
}

// replaced returns a record for each log that was at the path of this one, which
// begins.
func (s *store) replaced() (found []accesslog.Record) {
	_, others, _ := s.anchor.Find(s.origin)
	for _, kept := range others {
		if c, err := logfile.ParseCheckpointText(string(kept.Text)); err == nil && c.Size > 0 {
			found = append(found, gap(accesslog.GapDetail{Reason: "another log was here, " + c.Origin, Lost: uint64(c.Size)}))
		}
	}
	return found
}
