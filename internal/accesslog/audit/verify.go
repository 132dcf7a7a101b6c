package audit

import (
	"errors"
	"fmt"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/installation"
)

// VerifyOptions say what a log is compared with.
type Options struct {
	Path string

	// Key is the verifier key of the log, as log key prints it. If it is empty,
	// Installation's key is the one.
	Key string

	// Installation is asked for its key and for what it remembers; nil: there is none.
	Installation *installation.Key

	// Checkpoints are files with checkpoints that were kept elsewhere, as anchors
	// write them.
	Checkpoints []string
}

// checked is a checkpoint whose signature is right, and where it is from.
type checked struct {
	logfile.Checkpoint
	source string
}

// Verify compares a log with its checkpoints and with those that others have kept.
// What is wrong with the log is in the report; an error, which is an *Error, means
// that it could not be looked at. A log may be verified while it is written.
func Verify(o Options) (*Report, error) {
	base, err := logfile.BasePath(o.Path)
	if err != nil {
		return nil, &accesslog.Error{Path: o.Path, Err: err, Hint: "name the log with --access-log"}
	}
	s, err := takeSnapshot(logfile.Files{Base: base})
	if err != nil {
		return nil, readError(base, err)
	}
	defer s.Close()
	r := &Report{Path: base, Findings: []Finding{}, Silences: []Silence{}, Notes: []string{}, Compared: []Compared{}}
	v := verification{Options: o, report: r, snapshot: s}
	if s.bare() && !v.known() {
		return nil, errBare(base)
	}
	checkpoints, err := v.checkpoints()
	if err != nil {
		return nil, err
	}
	if v.foreign(checkpoints) {
		return r, nil
	}
	w := newWalk(r, logfile.TreeReader{ReaderAt: s.tree}, v.knownRecords())
	if err := v.walk(w); err != nil {
		return nil, &accesslog.Error{Path: base, Err: err}
	}
	w.pulse.end(r, w.newest)
	wrong, err := w.judge(checkpoints)
	if err != nil {
		return nil, &accesslog.Error{Path: base, Err: err}
	}
	v.compare(checkpoints, wrong)
	v.conclude()
	return r, nil
}

// known reports whether a checkpoint from elsewhere may tell of a log that has lost its
// own: that it is gone is a finding then.
func (v *verification) known() bool {
	if v.Installation == nil {
		return len(v.Checkpoints) > 0
	}
	_, here, err := anchor.NewLocal(v.Installation, v.report.Path).Find("")
	return len(v.Checkpoints) > 0 || len(here) > 0 || err != nil
}

// foreign reports whether the log's checkpoint is sound and no checkpoint at all is signed
// by the key. Then the key is likely the wrong one, and what the records say of each other
// can't be judged: that is the one finding.
func (v *verification) foreign(checkpoints []checked) bool {
	if len(checkpoints) > 0 || v.snapshot.checkpoint == nil {
		return false
	}
	if _, err := logfile.OriginOf(v.snapshot.checkpoint); err != nil {
		return false
	}
	if _, err := logfile.ParseCheckpoint(v.snapshot.checkpoint, v.key); !errors.Is(err, logfile.ErrSignature) {
		return false
	}
	v.report.Findings = []Finding{}
	v.report.find(Damaged, -1, -1, "the checkpoint is not signed by this key: is it the right one? Nothing else was looked at")
	return true
}

// verification is one run of Verify.
type verification struct {
	Options
	report   *Report
	snapshot *snapshot
	key      string // of the log
	kept     bool   // a checkpoint from elsewhere was compared
	local    bool   // one that the installation remembers was
}

// knownRecords returns how many records the tree file knows.
func (v *verification) knownRecords() int64 {
	s := v.snapshot
	if s.tree == nil && s.checkpoint == nil && len(s.records) == 0 {
		return 0
	}
	if s.tree == nil {
		v.report.find(Damaged, -1, -1, "the tree file is missing")
		return 0
	}
	return logfile.TreeRecords(s.treeSize)
}

// walk goes through all lines.
func (v *verification) walk(w *walk) error {
	for i, f := range v.snapshot.records {
		if f.named >= 0 && f.first != f.named {
			v.report.find(Damaged, -1, -1, "the file is named for record %d, and does not begin with it", f.named).File = f.path
		}
		var all int
		torn, err := f.each(func(line []byte, number int) error {
			all = number
			return w.line(f, number, line)
		})
		if errors.Is(err, logfile.ErrLongLine) {
			v.report.find(Inserted, -1, -1, "a line is longer than any record; the rest of the file was not looked at").File = f.path
			continue
		}
		if err != nil {
			return err
		}
		if torn == 0 {
			continue
		}
		last := i == len(v.snapshot.records)-1
		if last && w.last+1 >= w.known {
			v.report.note("%s ends with %d bytes of a write that was cut off; the next mount cuts them and records it", f.path, torn)
			continue
		}
		w.odd = append(w.odd, oddLine{file: f.path, line: all + 1, claimed: -1, expected: w.last + 1})
		w.last++
	}
	return nil
}

// checkpoints returns those beside the log, in the installation and in the files that
// were named, after checking their signatures.
func (v *verification) checkpoints() (all []checked, err error) {
	s, r := v.snapshot, v.report
	if s.checkpoint == nil && s.treeSize == 0 && len(s.records) == 0 {
		r.note("no record was ever written here")
	} else if s.checkpoint == nil {
		r.find(Damaged, -1, -1, "the checkpoint is missing")
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

// given returns the checkpoints in the files that were named.
func (v *verification) given() (all []checked, err error) {
	for _, path := range v.Checkpoints {
		text, err := os.ReadFile(path)
		if err != nil {
			var p *iofs.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return nil, &accesslog.Error{Path: v.report.Path, Err: fmt.Errorf("can't be compared with %s: %w", path, err), Hint: "--checkpoint names a file that an anchor wrote"}
		}
		notes := anchor.Notes(string(text))
		if len(notes) == 0 {
			return nil, &accesslog.Error{Path: v.report.Path, Err: fmt.Errorf("can't be compared with %s: there is no checkpoint in it", path), Hint: "--checkpoint names a file that an anchor wrote"}
		}
		for _, n := range notes {
			if origin, err := logfile.OriginOf([]byte(n)); err == nil && origin != v.report.Origin {
				continue // one file may serve several logs
			}
			c, err := logfile.ParseCheckpoint([]byte(n), v.key)
			if err != nil {
				v.report.find(Damaged, -1, -1, "a checkpoint in %s %v", path, err)
				continue
			}
			v.kept = true
			all = append(all, checked{c, "the checkpoint in " + path})
		}
		if !v.kept {
			v.report.note("%s has no checkpoint of this log (%s)", path, v.report.Origin)
		}
	}
	return all, nil
}

// compare tells which checkpoints the log continues, and which cover more than it has.
func (v *verification) compare(checkpoints, wrong []checked) {
	r := v.report
	newest := make(map[string]int64)
	for _, c := range checkpoints {
		newest[c.source] = max(newest[c.source], c.Size)
	}
	for _, c := range wrong {
		if size := newest[c.source]; size > r.Records {
			r.find(RolledBack, r.Records, size-1, "%s covers %d records, and the log has %d", c.source, size, r.Records)
		}
		delete(newest, c.source)
	}
	for _, c := range checkpoints {
		if size, ok := newest[c.source]; ok {
			r.Compared = append(r.Compared, Compared{c.source, size})
			delete(newest, c.source)
		}
	}
}

// conclude says what else is wrong, and what was not checked.
func (v *verification) conclude() {
	r := v.report
	known := logfile.TreeRecords(v.snapshot.treeSize)
	if v.snapshot.tree != nil && r.Signed > known {
		r.find(Damaged, known, r.Signed-1, "the tree file is cut off: it lacks hashes of %s", logfile.Range(known, r.Signed))
	} else if more := v.snapshot.treeSize - tlog.StoredHashCount(known)*logfile.HashSize; more > 0 {
		r.note("the tree file ends with %d bytes of a write that was cut off; they were not looked at", more)
	}
	if r.Records > r.Signed {
		r.note("%s not signed yet: the checkpoint follows within a second, or at the next mount", recordsText(r.Signed, r.Records))
	}
	for _, name := range v.snapshot.skipped {
		r.note("%s was not needed, and not looked at", name)
	}
	if !v.local {
		r.note("this installation remembers no checkpoint of the log: a rollback of all its files would not show")
	}
	if !v.kept {
		r.note("no checkpoint from elsewhere was given (--checkpoint): a program of the same user, which can use the key, could have written the log anew")
	}
}
