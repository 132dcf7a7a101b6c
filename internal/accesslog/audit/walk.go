package audit

import (
	"encoding/json"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
)

// walk goes through all lines of a log and compares each with the hash that the tree
// has for it.
type walk struct {
	report *Report
	tree   logfile.TreeReader
	known  int64 // records that the tree has

	seen bitset
	runs []run // in the order of the lines
	last int64 // sequence number of the line before, or what it should have been
	odd  []oddLine
	tail []tlog.Hash // of the lines after those that the tree knows

	erasures map[int64][]span // by the sequence number of the log-erase record
	stubs    map[int64]int64  // which record erased it
	retired  map[int64]int64  // by the sequence number of the log-retire record: below which
	unsigned map[int64]span   // taken up unchecked, by the sequence number of the log-gap record

	pulse  pulse
	newest []byte // the last line that is right
}

// span is a range of sequence numbers, both included.
type span struct{ from, to int64 }

// oddLine is a line that is not what the tree has for its place.
type oddLine struct {
	file              string
	line              int
	claimed, expected int64 // sequence numbers
	hash              tlog.Hash
}

func newWalk(r *Report, tree logfile.TreeReader, known int64) *walk {
	return &walk{report: r, tree: tree, known: known, last: -1,
		erasures: make(map[int64][]span), stubs: make(map[int64]int64), retired: make(map[int64]int64), unsigned: make(map[int64]span),
		pulse: make(pulse)}
}

// line compares one line of a file.
func (w *walk) line(f snapshotFile, number int, line []byte) error {
	n, hash := logfile.SequenceOf(line), logfile.RecordHash(line)
	expected := w.last + 1
	if number == 1 {
		if expected = max(expected, f.named); f.named < 0 && expected == 0 {
			expected = max(expected, n)
		}
	}
	right, erased := false, false
	switch {
	case n < 0:
	case n < w.known:
		leaf, err := w.tree.Leaf(n)
		if err != nil {
			return err
		}
		if right = leaf == hash; !right {
			var by int64
			if by, erased = logfile.ParseStub(line); erased && !w.seen.has(n) {
				w.stubs[n] = by
			}
		}
	case n == w.known+int64(len(w.tail)) && n == w.last+1:
		_, err := logfile.ParseRecord(line)
		if right = err == nil; right {
			w.tail = append(w.tail, hash)
		}
	}
	if !right && !erased {
		w.odd = append(w.odd, oddLine{f.path, number, n, expected, hash})
		w.last = expected
		return nil
	}
	w.place(f.path, number, n)
	if right {
		w.learn(line, n)
		w.newest = append(w.newest[:0], line...)
		w.report.Intact++
	}
	return nil
}

// place keeps where a line is that is a record.
func (w *walk) place(file string, number int, n int64) {
	w.last = n
	if w.seen.has(n) {
		f := w.report.find(Duplicated, n, n, "record %d is there again", n)
		f.File, f.Line = file, number
		return
	}
	w.seen.add(n)
	if i := len(w.runs) - 1; i >= 0 && w.runs[i].to == n-1 && w.runs[i].file == file {
		w.runs[i].to = n
		return
	}
	w.runs = append(w.runs, run{file, number, n, n})
}

// learn keeps what a record says about others.
func (w *walk) learn(line []byte, n int64) {
	if logfile.Has(line, signsOfLife...) {
		if r, err := logfile.ParseRecord(line); err == nil {
			w.pulse.feel(w.report, &r)
		}
	}
	if !logfile.Has(line, accesslog.OpLogErase, accesslog.OpLogRetire, accesslog.OpLogGap, accesslog.OpUnclean) {
		return
	}
	r, err := logfile.ParseRecord(line)
	if err != nil {
		return
	}
	switch r.Operation {
	case accesslog.OpLogErase:
		var d accesslog.EraseDetail
		if json.Unmarshal(r.Detail, &d) == nil {
			for _, s := range d.Sequences {
				w.erasures[n] = append(w.erasures[n], span{s[0], s[1]})
			}
			w.report.note("record %d says: records were erased: %s", n, d.Reason)
		}
	case accesslog.OpLogRetire:
		var d accesslog.RetireDetail
		if json.Unmarshal(r.Detail, &d) == nil && d.Below <= n {
			w.retired[n] = d.Below
			w.report.note("record %d says: records before %d were deleted, those that were older than %s", n, d.Below, d.Keep)
		}
	case accesslog.OpLogGap:
		var d accesslog.GapDetail
		if json.Unmarshal(r.Detail, &d) == nil {
			w.report.note("record %d says: %s", n, d)
			if d.Unsigned != nil {
				w.unsigned[n] = span{d.Unsigned[0], d.Unsigned[1]}
			}
		}
	case accesslog.OpUnclean:
		w.report.note("record %d says: no record tells of the end of the mount on %s: %s", n, r.Mountpoint, r.Error)
	}
}

// bitset is a set of sequence numbers.
type bitset []uint64

func (b bitset) has(n int64) bool { return n>>6 < int64(len(b)) && b[n>>6]&(1<<(n&63)) != 0 }

func (b *bitset) add(n int64) {
	for int64(len(*b)) <= n>>6 {
		*b = append(*b, make([]uint64, max(16, len(*b)))...)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}
