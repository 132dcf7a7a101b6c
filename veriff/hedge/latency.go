package hedge

import (
	"math"
	"time"
)

const (
	// From a millisecond to two minutes in steps of a fifth, which is how
	// exact a quantile is.
	latencyFirst       = time.Millisecond
	latencyPerDoubling = 4
	latencyBuckets     = 17*latencyPerDoubling + 1
)

// Latency is a histogram of how long many things took.
type Latency struct {
	Count int64
	Sum   time.Duration

	buckets [latencyBuckets + 1]int64 // the last one has no bound
}

// bound is how far a bucket reaches.
func bound(bucket int) time.Duration {
	return time.Duration(float64(latencyFirst) * math.Exp2(float64(bucket)/latencyPerDoubling))
}

// Add counts one thing that took d.
func (l *Latency) Add(d time.Duration) {
	i := math.Ceil(latencyPerDoubling * math.Log2(float64(d)/float64(latencyFirst)))
	l.buckets[int(min(max(i, 0), latencyBuckets))]++
	l.Count++
	l.Sum += d
}

// Merge adds what m counted.
func (l *Latency) Merge(m *Latency) {
	for i, n := range m.buckets {
		l.buckets[i] += n
	}
	l.Count += m.Count
	l.Sum += m.Sum
}

// Quantile returns how long the fastest q (0 to 1) of all took at most, or 0
// if there are none.
func (l *Latency) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(l.Count)))
	if l.Count == 0 {
		return 0
	}
	var seen int64
	for i, n := range l.buckets[:] { // no copy, for which each request's stack would have to grow
		if seen += n; seen >= max(rank, 1) {
			return bound(i)
		}
	}
	return bound(latencyBuckets)
}

// Cumulative returns how many took at most so many seconds, for bounds that
// double.
func (l *Latency) Cumulative() map[float64]uint64 {
	counts := make(map[float64]uint64)
	var seen int64
	for i := range latencyBuckets {
		seen += l.buckets[i]
		if i%latencyPerDoubling == 0 {
			counts[bound(i).Seconds()] = uint64(seen)
		}
	}
	return counts
}
