//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	measure, bar, value string
	ok                  verdict
}

type verdict string

const (
	noBar  verdict = ""
	met    verdict = "ok"
	missed verdict = "**missed**"
)

func verdictOf(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

// table is what was measured.
type table []row

func (t *table) add(r row) {
	*t = append(*t, r)
	note("%s: %s  [%s] %s", r.measure, r.value, r.bar, r.ok)
}

// info adds a measure that has no bar.
func (t *table) info(measure, value string, args ...any) {
	t.add(row{measure: measure, value: fmt.Sprintf(value, args...)})
}

// atMost and atLeast add a measure with a bar; more tells what it is made of.
func (t *table) atMost(measure string, value, bar float64, unit, more string, args ...any) {
	t.judged(measure, "≤ ", value, bar, unit, value <= bar, more, args)
}

func (t *table) atLeast(measure string, value, bar float64, unit, more string, args ...any) {
	t.judged(measure, "≥ ", value, bar, unit, value >= bar, more, args)
}

func (t *table) judged(measure, sign string, value, bar float64, unit string, ok bool, more string, args []any) {
	r := row{measure: measure, bar: sign + number(bar) + unit, value: number(value) + unit, ok: verdictOf(ok)}
	if more != "" {
		r.value += " (" + fmt.Sprintf(more, args...) + ")"
	}
	t.add(r)
}

// String returns the table in Markdown.
func (t table) String() string {
	var s strings.Builder
	s.WriteString("| measure | bar | measured | |\n|---|---|---|---|\n")
	for _, r := range t {
		fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", r.measure, r.bar, r.value, r.ok)
	}
	return s.String()
}

// count returns how many rows have a verdict.
func (t table) count(v verdict) (n int) {
	for _, r := range t {
		if r.ok == v {
			n++
		}
	}
	return n
}

// number formats about three digits.
func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// seconds formats a duration for people.
func seconds(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

// series are the times of several contenders, a column each.
type series [][]time.Duration

// inTurns measures contenders by turns. Each round begins with another one.
func inTurns(rounds int, contenders ...func() time.Duration) series {
	s := make(series, len(contenders))
	for round := range rounds {
		for i := range contenders {
			i = (i + round) % len(contenders)
			s[i] = append(s[i], contenders[i]())
		}
	}
	return s
}

// best returns the fastest round of a column: whatever else the machine does
// can only add to a time.
func (s series) best(i int) time.Duration { return slices.Min(s[i]) }

// median returns the middle round of a column, for times that luck decides.
func (s series) median(i int) time.Duration { return slices.Sorted(slices.Values(s[i]))[len(s[i])/2] }

// ratio compares the fastest rounds of two columns.
func (s series) ratio(i, j int) float64 { return float64(s.best(i)) / float64(s.best(j)) }

// pairs returns the median of the ratios of two columns, round by round: what slows one
// of a round's neighbours slows the other.
func (s series) pairs(i, j int) float64 {
	ratios := make([]float64, len(s[i]))
	for k := range ratios {
		ratios[k] = float64(s[i][k]) / float64(s[j][k])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// show formats the fastest round of a column.
func (s series) show(i int) string { return seconds(s.best(i)) }

// rate returns how many thousand of n things a second the fastest round did.
func (s series) rate(i, n int) float64 { return float64(n) / s.best(i).Seconds() / 1000 }

// elapsed returns how long do took.
func elapsed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}
