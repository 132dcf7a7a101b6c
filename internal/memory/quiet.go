package memory

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The runtime lets the heap grow to twice what is in use before it collects, and keeps
// what it has freed for minutes. A mount is quiet nearly always, but for bursts: a look
// at a hundred thousand sessions. What they leave is returned once they are over.
const (
	quietEvery = time.Second
	quietBytes = 1 << 20  // allocated in that time by who does next to nothing
	worthBytes = 32 << 20 // allocated since the last time, to make it worth a collection
)

// ReturnWhenQuiet returns memory that is free to the system after each burst of work,
// until stop is called.
func ReturnWhenQuiet() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(quietEvery)
		defer tick.Stop()
		var last, returned uint64
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			now := allocated()
			if now-last < quietBytes && now-returned >= worthBytes {
				debug.FreeOSMemory()
				now = allocated()
				returned = now
			}
			last = now
		}
	}()
	return func() { close(quit); <-done }
}

// allocated returns how many bytes this process has ever allocated on its heap.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
