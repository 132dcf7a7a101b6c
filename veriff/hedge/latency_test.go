package hedge

import (
	"testing"
	"time"
)

// A quantile is right within a fifth, and counts add up.
func TestLatency(t *testing.T) {
	var fast, slow Latency
	if fast.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for n := range 90 {
		fast.Add(time.Duration(n+1) * time.Millisecond)
	}
	for range 10 {
		slow.Add(time.Hour)
	}
	fast.Merge(&slow)
	if got := fast.Quantile(0.5); got < 50*time.Millisecond || got > 60*time.Millisecond {
		t.Errorf("the median of 1 to 90 ms and ten hours is %s", got)
	}
	if got := fast.Quantile(0.99); got < 2*time.Minute {
		t.Errorf("the slowest took %s", got)
	}
	counts := fast.Cumulative()
	if fast.Count != 100 || counts[0.001] != 1 || counts[0.064] != 64 || counts[bound(latencyBuckets-1).Seconds()] != 90 {
		t.Errorf("%d: %v", fast.Count, counts)
	}
}
