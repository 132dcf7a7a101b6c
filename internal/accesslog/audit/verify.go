package audit

import (
	"errors"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"

	iofs "io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/installation"
)

// Options say what a log is compared with.
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
	// Fetch returns the texts behind a URL among them; nil: all are files.
	Fetch func(url string) (texts [][]byte, err error)
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
	switch {
	case v.known():
	case s.absent():
		return nil, readError(base, iofs.ErrNotExist)
	case s.bare():
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
	if s.absent() {
		if r.OK() {
			return nil, readError(base, iofs.ErrNotExist)
		}
		r.find(Removed, -1, -1, "no file of the log is here; if you moved them, name the place where they are")
	}
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
	v.report.Foreign, v.report.Findings = true, []Finding{}
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
	for _, u := range v.snapshot.unread {
		if u.moved {
			r.note("%s can't be read, and was not looked at: %v", filepath.Base(u.path), u.err)
		} else {
			r.find(Damaged, -1, -1, "has the name of a file of the log's, and was not looked at: %v", u.err).File = u.path
		}
	}
	if r.OK() && r.Records == 0 {
		r.note("no record was ever written here")
	}
	for _, path := range v.snapshot.compressed {
		r.note("%s is compressed, and was not looked at: if records are missing, unpack it", filepath.Base(path))
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
