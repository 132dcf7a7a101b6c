package audit

import (
	"errors"
	"fmt"
	"strings"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
)

// checkpoints returns those beside the log, in the installation and in the files that
// were named, after checking their signatures.
func (v *verification) checkpoints() (all []checked, err error) {
	s, r := v.snapshot, v.report
	if s.checkpoint == nil {
		if s.treeSize > 0 || len(s.records) > 0 {
			r.find(Damaged, -1, -1, "the checkpoint is missing")
		}
	} else {
		r.Origin, err = logfile.OriginOf(s.checkpoint)
		if err != nil {
			r.find(Damaged, -1, -1, "the checkpoint is not one")
		}
	}
	if err := v.chooseKey(); err != nil {
		return nil, err
	}
	if r.Origin != "" && err == nil {
		c, err := logfile.ParseCheckpoint(s.checkpoint, v.key)
		if err == nil && !c.Canonical(s.checkpoint) {
			err = errors.New("is not as it was written")
		}
		if err != nil {
			r.find(Damaged, -1, -1, "the checkpoint %v", err)
		} else {
			all, r.Signed = append(all, checked{c, "the checkpoint beside the log"}), c.Size
		}
	}
	all = append(all, v.remembered()...)
	given, err := v.given()
	return append(all, given...), err
}

// chooseKey finds the log's verifier key, and which log it is if its checkpoint does
// not say.
func (v *verification) chooseKey() error {
	r := v.report
	if v.Key != "" {
		name, _, ok := strings.Cut(v.Key, "+")
		if !ok {
			return &accesslog.Error{Path: r.Path, Err: errors.New("can't be verified by a key that is not of the form NAME+HASH+KEY"), Hint: "veriffs log key prints it"}
		}
		if r.Origin != "" && r.Origin != name {
			r.find(Replaced, -1, -1, "this is the log %s, and the key is that of %s", r.Origin, name)
		}
		v.key, r.Origin = v.Key, name
		return nil
	}
	if v.Installation == nil {
		return &accesslog.Error{Path: r.Path, Err: errors.New("can't be verified without its key"), Hint: "give it with --key; veriffs log key prints it where the log is written"}
	}
	if r.Origin != "" {
		v.key = v.Installation.VerifierKey(r.Origin)
	}
	return nil
}

// remembered returns what the installation knows of the log.
func (v *verification) remembered() (all []checked) {
	if v.Installation == nil {
		return nil
	}
	r := v.report
	anchor := anchor.NewLocal(v.Installation, r.Path)
	own, others, err := anchor.Find(r.Origin)
	if r.Origin == "" && len(others) == 1 {
		// The log's own checkpoint is gone or broken, and this is that of its path.
		r.Origin, _ = logfile.OriginOf(others[0].Text)
		v.key = v.Installation.VerifierKey(r.Origin)
		own, others, err = anchor.Find(r.Origin)
	}
	if err != nil {
		r.note("what the installation remembers in %s could not be read: %v", anchor.Directory, err)
	}
	for _, kept := range own {
		c, err := logfile.ParseCheckpoint(kept.Text, v.key)
		if err == nil && !c.Canonical(kept.Text) {
			err = errors.New("is not as it was written")
		}
		if err != nil {
			r.find(Damaged, -1, -1, "the checkpoint that the installation remembers %v", err).File = kept.Source
			continue
		}
		v.local = true
		all = append(all, checked{c, "the checkpoint that the installation remembers"})
	}
	for _, kept := range others {
		name := "a log that can't be named"
		if c, err := logfile.ParseCheckpointText(string(kept.Text)); err == nil {
			if c.Size == 0 {
				continue
			}
			name = fmt.Sprintf("the log %s with %d records", c.Origin, c.Size)
		}
		r.find(Replaced, -1, -1, "%s was at this path before, and is not any more; if you moved it away, delete this file", name).File = kept.Source
	}
	return all
}
