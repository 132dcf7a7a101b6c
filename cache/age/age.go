// Package age says how long an object may be kept, by the wall clock, which may be
// wrong. It has no state and does no I/O.
package age

import (
	"math"
	"time"
)

// ClockStep is how far in the future an object may have been stored: clocks
// are set back a little now and then.
const ClockStep = 5 * time.Minute

// Left is how long an object may still be had: not any more if it is 0 or
// less. Without a most (0) that is for ever. The age of one from the future is not
// known, so it counts as too old.
func Left(most time.Duration, stored, now time.Time) time.Duration {
	if most <= 0 {
		return math.MaxInt64
	}
	age := now.Round(0).Sub(stored)
	if age < -ClockStep {
		return 0
	}
	return most - age
}

// Erasable reports whether an object that is past its age goes for good. One
// from the future does not while the clock is before made, when the cache was
// made: a machine that starts in 1970 would lose everything.
func Erasable(stored, now, made time.Time) bool {
	return !stored.After(now) || !now.Before(made)
}
