//go:build linux

package main

import (
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPrediction: by hand, of traces short enough for that.
func TestPrediction(t *testing.T) {
	for name, c := range map[string]struct {
		files, keeps int
		trace        [][]int
		want         prediction
	}{
		"nobody opens anything":                            {9, 5, [][]int{{}, {}}, prediction{}},
		"caches that keep all miss what each opens first":  {9, 5, [][]int{{1, 2, 1}, {2, 2, 3}}, prediction{54, 36, 27}},
		"without caches each open is a miss":               {9, 0, [][]int{{1, 2, 1}, {2, 2, 3}}, prediction{54, 54, 27}},
		"one machine that keeps all has no use of a store": {2, 5, [][]int{{1, 2, 3, 2, 1}}, prediction{10, 6, 6}},
		"a cache of one keeps the last":                    {1, 1, [][]int{{1, 1, 2, 2, 1}}, prediction{5, 3, 2}},
		"the least recently used goes":                     {1, 2, [][]int{{1, 2, 1, 3, 1, 2}}, prediction{6, 4, 3}},
		"all open the same":                                {1, 2, [][]int{{7}, {7}, {7}, {7}}, prediction{4, 4, 1}},
		"all open different ones":                          {1, 2, [][]int{{1}, {2}, {3}}, prediction{3, 3, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got := fleet{Files: c.files, Keeps: c.keeps}.predict(c.trace)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(prediction{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := (prediction{54, 36, 27}).saved(); got != 0.25 {
		t.Errorf("saved %v, want a quarter", got)
	}
}

// TestTrace: a trace is that of its seed, and as popular as its exponent says.
func TestTrace(t *testing.T) {
	for _, exponent := range []float64{0, 0.6, 1} {
		f := fleet{Machines: 50, Sessions: 300, Files: 1, Opens: 200, Exponent: exponent, Keeps: 300}
		trace := f.trace(1)
		if !reflect.DeepEqual(trace, f.trace(1)) {
			t.Error("another trace of the same seed")
		}
		if reflect.DeepEqual(trace, f.trace(2)) {
			t.Error("the same trace of another seed")
		}
		// A session of probability p is among n with a probability of 1-(1-p)^n.
		total, one, all := 0.0, 0.0, 0.0
		for i := range f.Sessions {
			total += math.Pow(float64(i+1), -exponent)
		}
		for i := range f.Sessions {
			p := math.Pow(float64(i+1), -exponent) / total
			one += 1 - math.Pow(1-p, float64(f.Opens))
			all += 1 - math.Pow(1-p, float64(f.Opens*f.Machines))
		}
		got := f.predict(trace)
		for what, c := range map[string]struct{ got, want float64 }{
			"missed":   {float64(got.missed), one * float64(f.Machines)},
			"distinct": {float64(got.distinct), all},
		} {
			if math.Abs(c.got/c.want-1) > 0.02 {
				t.Errorf("exponent %v: %s %v, by the formula %.1f", exponent, what, c.got, c.want)
			}
		}
	}
}
