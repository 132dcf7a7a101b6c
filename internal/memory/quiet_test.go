package memory

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// TestReturnWhenQuiet: a burst costs one collection, once it is over.
func TestReturnWhenQuiet(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	var piece []byte
	burst := func(bytes int) {
		for range bytes >> 20 {
			piece = make([]byte, 1<<20)
		}
		runtime.KeepAlive(piece)
	}
	synctest.Test(t, func(t *testing.T) {
		defer ReturnWhenQuiet()()
		time.Sleep(quietEvery + quietEvery/2)
		before := forced()
		for range 3 { // it goes on
			burst(worthBytes)
			time.Sleep(quietEvery)
		}
		if n := forced() - before; n != 0 {
			t.Errorf("%d collections in the middle of the work", n)
		}
		time.Sleep(10 * quietEvery)
		if n := forced() - before; n != 1 {
			t.Errorf("%d collections after it", n)
		}
		burst(worthBytes / 4)
		time.Sleep(10 * quietEvery)
		if n := forced() - before; n != 1 {
			t.Errorf("%d collections after little work", n)
		}
	})
}
