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
	section, measure, bar, value string
	ok                           verdict
}

type verdict int

const (
	noBar verdict = iota
	met
	missed
)

func (v verdict) String() string { return [...]string{"", "ok", "**missed**"}[v] }

// table is what was measured.
type table struct {
	section string // of the rows to come
	rows    []row
}

func (t *table) add(r row) {
	r.section = t.section
	t.rows = append(t.rows, r)
	note("%s: %s  [%s] %s", r.measure, r.value, r.bar, r.ok)
}

// info adds a measure that has no bar.
func (t *table) info(measure, value string, args ...any) {
	t.add(row{measure: measure, value: fmt.Sprintf(value, args...)})
}

// atMost and atLeast add a measure with a bar; more says what it was made of.
func (t *table) atMost(measure string, value, bar float64, unit, more string, args ...any) {
	t.judged(measure, "≤ ", value, bar, unit, value <= bar, more, args)
}

func (t *table) atLeast(measure string, value, bar float64, unit, more string, args ...any) {
	t.judged(measure, "≥ ", value, bar, unit, value >= bar, more, args)
}

func (t *table) judged(measure, sign string, value, bar float64, unit string, ok bool, more string, args []any) {
	r := row{measure: measure, bar: sign + number(bar) + unit, value: number(value) + unit, ok: missed}
	if ok {
		r.ok = met
	}
	if more != "" {
		r.value += " (" + fmt.Sprintf(more, args...) + ")"
	}
	t.add(r)
}

// number shows three digits or so.
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

// markdown is the table as it is kept.
func (t *table) markdown() string {
	var s strings.Builder
	s.WriteString("| measure | bar | measured | |\n|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&s, "| %s | %s | %s | %s |\n", r.measure, r.bar, r.value, r.ok)
	}
	return s.String()
}

// missed returns how many bars were missed, of how many.
func (t *table) missed() (n, of int) {
	for _, r := range t.rows {
		if r.ok != noBar {
			of++
		}
		if r.ok == missed {
			n++
		}
	}
	return n, of
}

// seconds shows a duration for people.
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

// series are the times of several things done in turns, a column each.
type series [][]time.Duration

// inTurns does several things by turns, so often, beginning each round with
// another of them.
func inTurns(rounds int, do ...func() (time.Duration, error)) (series, error) {
	s := make(series, len(do))
	for round := range rounds {
		for i := range do {
			i = (i + round) % len(do)
			t, err := do[i]()
			if err != nil {
				return nil, err
			}
			s[i] = append(s[i], t)
		}
	}
	return s, nil
}

// best returns the fastest round of a column. What else the machine does can
// only add to a time, so the fastest round is the one that says most.
func (s series) best(i int) time.Duration { return slices.Min(s[i]) }

// median returns the middle round of a column, for what hangs on luck.
func (s series) median(i int) time.Duration { return slices.Sorted(slices.Values(s[i]))[len(s[i])/2] }

// ratio returns that of the fastest rounds of two columns.
func (s series) ratio(i, j int) float64 { return float64(s.best(i)) / float64(s.best(j)) }
