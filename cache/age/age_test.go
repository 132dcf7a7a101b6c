package age

import (
	"math"
	"testing"
	"time"
)

func TestLeft(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ most, ago, left time.Duration }{
		{0, 1000 * time.Hour, math.MaxInt64},
		{time.Hour, 0, time.Hour},
		{time.Hour, 59 * time.Minute, time.Minute},
		{time.Hour, 2 * time.Hour, -time.Hour},
		{time.Hour, -ClockStep, time.Hour + ClockStep},
		{time.Hour, -ClockStep - 1, 0},
	} {
		if left := Left(c.most, now.Add(-c.ago), now); left != c.left {
			t.Errorf("of %v, stored %v ago: %v, want %v", c.most, c.ago, left, c.left)
		}
	}
}

func TestErasable(t *testing.T) {
	made := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	reset := time.Unix(0, 0)
	for _, c := range []struct {
		stored, now time.Time
		want        bool
	}{
		{made, made.Add(time.Hour), true},
		{made.Add(2 * time.Hour), made.Add(time.Hour), true},
		{made.Add(time.Hour), reset, false},
		{reset, reset, true},
	} {
		if got := Erasable(c.stored, c.now, made); got != c.want {
			t.Errorf("stored %v, at %v: %v", c.stored, c.now, got)
		}
	}
}
