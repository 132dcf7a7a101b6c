package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestHoldOfAReplacedFile: who opened a file just before it was replaced must
// open again, or would read one object while another is counted.
func TestHoldOfAReplacedFile(t *testing.T) {
	x := newIndex(1 << 20)
	x.loaded(nil, 0)
	n := name{1}
	for ino := uint64(1); ino <= 2; ino++ {
		if _, ok := x.plan(4096, 0); !ok {
			t.Fatal("no room")
		}
		x.release(x.publish(n, entry{size: 4096, ino: ino}, 4096))
	}
	if h, _ := x.hold(n, entry{size: 4096, ino: 1}, time.Now()); h != nil {
		t.Error("the replaced file was held")
	}
	if h, _ := x.hold(n, entry{size: 4096, ino: 2}, time.Now()); h == nil {
		t.Error("the present file was not held")
	}
	if h, _ := x.hold(name{2}, entry{size: 4096, ino: 3}, time.Now()); h != nil {
		t.Error("an unknown file was held")
	}
	if x.used != 4096 || x.reserved != 0 || x.evictable != 0 {
		t.Errorf("used %d, reserved %d, evictable %d", x.used, x.reserved, x.evictable)
	}
}

// TestReusedInode: somebody removed a file, and another object's got its inode.
// The two must not be taken for each other.
func TestReusedInode(t *testing.T) {
	x := newIndex(1 << 20)
	x.loaded(nil, 0)
	put := func(n name) *held {
		if _, ok := x.plan(4096, 0); !ok {
			t.Fatal("no room")
		}
		return x.publish(n, entry{size: 4096, ino: 7}, 4096)
	}
	x.release(put(name{1}))
	h := put(name{2})
	x.drop(name{1})
	if bytes := x.release(h); bytes != 0 || x.used != 4096 || x.evictable != 4096 {
		t.Errorf("%d bytes to free, used %d, evictable %d", bytes, x.used, x.evictable)
	}
}

// TestRoomBesideClaimedFiles: a file that somebody works on can't be evicted,
// and is no reason to give up either.
func TestRoomBesideClaimedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex(8192)
		x.loaded([]found{{name{1}, entry{size: 8192, ino: 1}}}, 0)
		x.claim(name{1}, time.Hour)
		planned := make(chan []victim, 1)
		go func() {
			victims, _ := x.plan(4096, 0)
			planned <- victims
		}()
		synctest.Wait() // plan is waiting
		x.unclaim(name{1})
		if victims := <-planned; len(victims) != 1 {
			t.Errorf("%d victims", len(victims))
		}
	})
}
