package team

import (
	"sync"
	"time"

	"veriffs/cache"
)

const (
	// queueLength bounds the objects that wait to be uploaded.
	queueLength = 4096
	// uploaders is how many are uploaded at once at most: as many as the API is asked for,
	// or uploading would fall behind while others wait for what is uploaded.
	uploaders = 16
	// fewUploaders is how many are while nobody else seems to wait, so that a walk has the
	// processor and the network for itself. There is one more for each queueStep objects.
	fewUploaders = 2
	queueStep    = 256
	// hurryFor is how long all go on uploading after another member wanted the same.
	hurryFor = 30 * time.Second
)

// item is an object that is to be uploaded.
type item struct {
	key     cache.Key
	replace bool // what is there was refused
	lease   string
	done    chan struct{} // closed once it is no longer on its way
}

// queue is what is to be uploaded, in order.
type queue struct {
	pending sync.Map // by key, what is closed once an object is no longer on its way

	mu      sync.Mutex
	change  *sync.Cond
	items   []item
	running int       // items that were taken and are not settled
	until   time.Time // others want the same until then
	closed  bool
}

func newQueue() *queue {
	q := new(queue)
	q.change = sync.NewCond(&q.mu)
	return q
}

// add reports false if the queue is full or closed.
func (q *queue) add(i item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.items) == queueLength {
		return false
	}
	q.items = append(q.items, i)
	q.change.Signal()
	return true
}

// take waits for an item whose turn it is. It reports false once the queue is closed and
// empty.
func (q *queue) take() (i item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 || q.running >= q.mostLocked() {
		if q.closed && len(q.items) == 0 {
			return item{}, false
		}
		q.change.Wait()
	}
	i, q.items = q.items[0], q.items[1:]
	q.running++
	return i, true
}

// mostLocked is how many items may be uploaded at once.
func (q *queue) mostLocked() int {
	if q.closed || time.Now().Before(q.until) {
		return uploaders
	}
	return min(fewUploaders+len(q.items)/queueStep, uploaders)
}

// hurry says that other members want what this one fetches.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.until = time.Now().Add(hurryFor)
	q.change.Broadcast()
}

// settled ends an item that was taken, and tells those who wait for the object.
func (q *queue) settled(i item) {
	q.mu.Lock()
	q.running--
	q.change.Broadcast()
	q.mu.Unlock()
	q.forget(i)
}

// forget tells those who wait for an object that it is no longer on its way.
func (q *queue) forget(i item) {
	q.pending.CompareAndDelete(i.key, i.done)
	close(i.done)
}

// close lets nothing more in. All uploaders work the rest off.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
}

// clear empties a closed queue and returns how many it had.
func (q *queue) clear() (n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, q.items = int64(len(q.items)), nil
	q.change.Broadcast()
	return n
}
