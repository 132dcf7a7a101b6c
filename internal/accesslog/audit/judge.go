package audit

import (
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog/logfile"
)

// judge turns what a walk saw into findings, and returns the checkpoints that the log
// does not continue.
func (w *walk) judge(checkpoints []checked) (all []checked, err error) {
	r := w.report
	total := w.known + int64(len(w.tail))
	r.Records = total
	w.judgeOrder()
	edited := w.assign(total)
	roots, badHash, err := w.roots(checkpoints, nil)
	if err != nil {
		return nil, err
	}
	wrong, beyond := disagree(checkpoints, roots)
	if len(wrong) > 0 && len(edited) > 0 {
		other, _, err := w.roots(checkpoints, edited)
		if err != nil {
			return nil, err
		}
		if still, _ := disagree(checkpoints, other); len(still) == 0 {
			// The records are what was signed; their hashes are not.
			for _, o := range sortedKeys(edited) {
				r.find(Damaged, o, o, "the tree file has a wrong hash for record %d, which is right", o)
				r.Intact++
				w.seen.add(o)
			}
			wrong, edited, badHash = nil, nil, -1
		}
	}
	for _, n := range sortedKeys(edited) {
		o := edited[n]
		f := r.find(Edited, n, n, "record %d was edited", n)
		f.File, f.Line = o.file, o.line
	}
	if badHash >= 0 {
		level, _ := tlog.SplitStoredHashIndex(badHash)
		r.find(Damaged, -1, -1, "hash %d of the tree file (level %d) does not follow from the records' hashes", badHash, level)
	}
	for _, c := range wrong {
		if len(r.Findings) < maxFindings {
			r.find(Rewritten, -1, -1, "%s covers %d records, and they were others than the log has now, or the tree file is damaged", c.source, c.Size)
		}
	}
	wrong = append(wrong, beyond...)
	w.judgeMissing(total, edited, signedBy(checkpoints, wrong))
	return wrong, nil
}

// signedBy returns how many records the checkpoints that agree with the log cover.
func signedBy(checkpoints, wrong []checked) (n int64) {
	type which struct {
		source string
		size   int64
	}
	is := make(map[which]bool, len(wrong)) // a bucket has one for each minute
	for _, c := range wrong {
		is[which{c.source, c.Size}] = true
	}
	for _, c := range checkpoints {
		if !is[which{c.source, c.Size}] {
			n = max(n, c.Size)
		}
	}
	return n
}

// assign says of each odd line whether it took the place of a record, or was
// inserted. It returns the former.
func (w *walk) assign(total int64) map[int64]oddLine {
	edited := make(map[int64]oddLine)
	free := func(n int64) bool {
		_, taken := edited[n]
		return n >= 0 && n < total && !taken && !w.seen.has(n)
	}
	for _, o := range w.odd {
		switch {
		case free(o.expected):
			edited[o.expected] = o
		case free(o.claimed):
			edited[o.claimed] = o
		default:
			f := w.report.find(Inserted, -1, -1, "this line was never logged")
			f.File, f.Line = o.file, o.line
		}
	}
	return edited
}

// roots computes the root at the size of each checkpoint, with the hashes of some
// records replaced, and the index of the first stored hash that does not follow from
// those of the records, or -1.
func (w *walk) roots(checkpoints []checked, instead map[int64]oddLine) (roots map[int64]tlog.Hash, bad int64, err error) {
	roots, bad = make(map[int64]tlog.Hash), -1
	wanted := make(map[int64]bool)
	for _, c := range checkpoints {
		wanted[c.Size] = true
	}
	var edge logfile.Frontier
	if wanted[0] {
		roots[0] = edge.Root()
	}
	for total := w.known + int64(len(w.tail)); edge.N < total; {
		n := edge.N
		leaf := tlog.Hash{}
		if n >= w.known {
			leaf = w.tail[n-w.known]
		} else if leaf, err = w.tree.Leaf(n); err != nil {
			return nil, -1, err
		}
		if o, ok := instead[n]; ok {
			leaf = o.hash
		}
		hashes := edge.Add(leaf)
		if n < w.known && bad < 0 && len(hashes) > 1 {
			if bad, err = w.compareHashes(n, hashes); err != nil {
				return nil, -1, err
			}
		}
		if wanted[edge.N] {
			roots[edge.N] = edge.Root()
		}
	}
	return roots, bad, nil
}

// compareHashes returns the index of the first of record n's hashes that the tree
// file has otherwise, or -1.
func (w *walk) compareHashes(n int64, hashes []tlog.Hash) (int64, error) {
	first := tlog.StoredHashIndex(0, n)
	indexes := make([]int64, len(hashes))
	for i := range indexes {
		indexes[i] = first + int64(i)
	}
	stored, err := w.tree.ReadHashes(indexes)
	if err != nil {
		return -1, err
	}
	for i := range stored {
		if i > 0 && stored[i] != hashes[i] {
			return indexes[i], nil
		}
	}
	return -1, nil
}

// disagree returns the checkpoints that the roots contradict, and those of which there
// is no root because they cover more records.
func disagree(checkpoints []checked, roots map[int64]tlog.Hash) (wrong, beyond []checked) {
	for _, c := range checkpoints {
		if root, ok := roots[c.Size]; !ok {
			beyond = append(beyond, c)
		} else if root != c.Root {
			wrong = append(wrong, c)
		}
	}
	return wrong, beyond
}

// judgeMissing tells what is missing, and whether a record of the log, which must be
// signed, allows it.
func (w *walk) judgeMissing(total int64, edited map[int64]oddLine, signed int64) {
	r := w.report
	w.disempower()
	var below int64
	for n, b := range w.retired {
		if n < signed {
			below = max(below, b)
		}
	}
	for _, n := range sortedKeys(w.stubs) {
		by := w.stubs[n]
		covered := by > n && by < signed && slices.ContainsFunc(w.erasures[by], func(s span) bool { return s.from <= n && n <= s.to })
		if covered {
			r.Erased++
			continue
		}
		r.find(Erasure, n, n, "record %d was erased, and no signed log-erase record says so", n)
	}
	for n := int64(0); n < total && len(r.Findings) < maxFindings; {
		if _, ok := edited[n]; ok || w.seen.has(n) {
			n++
			continue
		}
		from := n
		for n < total && !w.seen.has(n) {
			if _, ok := edited[n]; ok || n == below && from < below {
				break
			}
			n++
		}
		switch {
		case from < below:
			r.Retired += n - from
		case n == total:
			r.find(Truncated, from, n-1, "%s missing from the end", recordsText(from, n))
		default:
			r.find(Removed, from, n-1, "%s missing", recordsText(from, n))
		}
	}
}

// disempower forgets the erasures and the retentions in records that were taken up
// unchecked: veriffs signs such a record before it destroys anything. A record that says
// what was unchecked may itself be among such: later ones go first.
func (w *walk) disempower() {
	var forged []span
	in := func(n int64) bool {
		return slices.ContainsFunc(forged, func(s span) bool { return s.from <= n && n <= s.to })
	}
	gaps := sortedKeys(w.unsigned)
	slices.Reverse(gaps)
	for _, n := range gaps {
		if s := w.unsigned[n]; s.to < n && !in(n) {
			forged = append(forged, s)
		}
	}
	maps.DeleteFunc(w.erasures, func(n int64, _ []span) bool { return in(n) })
	maps.DeleteFunc(w.retired, func(n, _ int64) bool { return in(n) })
}

func recordsText(from, to int64) string {
	if to == from+1 {
		return "record " + logfile.Range(from, to) + " is"
	}
	return "records " + logfile.Range(from, to) + " are"
}

func sortedKeys[V any](m map[int64]V) []int64 {
	keys := make([]int64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
