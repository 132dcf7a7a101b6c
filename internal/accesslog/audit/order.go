package audit

import "slices"

// run is consecutive records on consecutive lines of a file.
type run struct {
	file     string
	line     int
	from, to int64
}

// maxRuns bounds the work of finding the fewest records that are out of order.
const maxRuns = 4000

// judgeOrder finds the records that are out of order: the fewest that, taken away,
// leave the others in order.
func (w *walk) judgeOrder() {
	if slices.IsSortedFunc(w.runs, func(a, b run) int { return int(a.from - b.from) }) {
		return
	}
	if len(w.runs) > maxRuns {
		w.report.find(Misplaced, -1, -1, "the records are in no order")
		return
	}
	ordered := inOrder(w.runs)
	for i, r := range w.runs {
		if !ordered[i] {
			f := w.report.find(Misplaced, r.from, r.to, "%s not in order here", recordsText(r.from, r.to+1))
			f.File, f.Line = r.file, r.line
		}
	}
}

// inOrder marks the runs of the ascending subsequence with the most records.
func inOrder(runs []run) []bool {
	var (
		most = make([]int64, len(runs)) // records of the best that ends here
		back = make([]int, len(runs))
		end  = -1
	)
	for i, r := range runs {
		back[i] = -1
		for j := range i {
			if runs[j].from < r.from && most[j] > most[i] {
				most[i], back[i] = most[j], j
			}
		}
		most[i] += r.to - r.from + 1
		if end < 0 || most[i] > most[end] {
			end = i
		}
	}
	marked := make([]bool, len(runs))
	for ; end >= 0; end = back[end] {
		marked[end] = true
	}
	return marked
}
