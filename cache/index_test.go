package cache

import (
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/seal"
)

// TestHoldOfAReplacedFile checks that a file which was opened just before it was
// replaced must be opened again, or one object is read and another counted.
func TestHoldOfAReplacedFile(t *testing.T) {
	x := newIndex(1 << 20)
	x.loaded(nil)
	n := seal.Name{1}
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
	if h, _ := x.hold(seal.Name{2}, entry{size: 4096, ino: 3}, time.Now()); h != nil {
		t.Error("an unknown file was held")
	}
	if x.used != 4096 || x.reserved != 0 || x.objects.evictable != 0 {
		t.Errorf("used %d, reserved %d, evictable %d", x.used, x.reserved, x.objects.evictable)
	}
}

// TestReusedInode has somebody remove a file, whose inode goes to another
// object's. The two must not be confused.
func TestReusedInode(t *testing.T) {
	x := newIndex(1 << 20)
	x.loaded(nil)
	put := func(n seal.Name) *held {
		if _, ok := x.plan(4096, 0); !ok {
			t.Fatal("no room")
		}
		return x.publish(n, entry{size: 4096, ino: 7}, 4096)
	}
	x.release(put(seal.Name{1}))
	h := put(seal.Name{2})
	x.drop(seal.Name{1})
	if bytes := x.release(h); bytes != 0 || x.used != 4096 || x.objects.evictable != 4096 {
		t.Errorf("%d bytes to free, used %d, evictable %d", bytes, x.used, x.objects.evictable)
	}
}

// TestRoomBesideClaimedFiles needs the room of a file that somebody works on: it
// waits for that, instead of evicting the file or giving up.
func TestRoomBesideClaimedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex(8192)
		x.loaded([]found{{seal.Name{1}, entry{size: 8192, ino: 1}}})
		x.claim(seal.Name{1}, time.Hour)
		planned := make(chan []found, 1)
		go func() {
			victims, _ := x.plan(4096, 0)
			planned <- victims
		}()
		synctest.Wait() // plan is waiting
		x.unclaim(seal.Name{1})
		if victims := <-planned; len(victims) != 1 {
			t.Errorf("%d victims", len(victims))
		}
	})
}
