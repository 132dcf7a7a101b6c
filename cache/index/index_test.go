package index

import (
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache/seal"
)

// TestHoldOfAReplacedFile checks that a file which was opened just before it was
// replaced must be opened again, or one object is read and another counted.
func TestHoldOfAReplacedFile(t *testing.T) {
	x := New(1 << 20)
	load(x)
	n := seal.Name{1}
	for ino := uint64(1); ino <= 2; ino++ {
		if _, ok := x.Plan(4096, 0); !ok {
			t.Fatal("no room")
		}
		x.Release(x.Publish(n, Entry{Size: 4096, Inode: ino}, 4096))
	}
	if h, _ := x.Hold(n, Entry{Size: 4096, Inode: 1}, time.Now()); h != nil {
		t.Error("the replaced file was held")
	}
	if h, _ := x.Hold(n, Entry{Size: 4096, Inode: 2}, time.Now()); h == nil {
		t.Error("the present file was not held")
	}
	if h, _ := x.Hold(seal.Name{2}, Entry{Size: 4096, Inode: 3}, time.Now()); h != nil {
		t.Error("an unknown file was held")
	}
	if x.room.used != 4096 || x.room.reserved != 0 || x.objects.evictable != 0 {
		t.Errorf("used %d, reserved %d, evictable %d", x.room.used, x.room.reserved, x.objects.evictable)
	}
}

// TestReusedInode has somebody remove a file, whose inode goes to another
// object's. The two must not be confused.
func TestReusedInode(t *testing.T) {
	x := New(1 << 20)
	load(x)
	put := func(n seal.Name) *File {
		if _, ok := x.Plan(4096, 0); !ok {
			t.Fatal("no room")
		}
		return x.Publish(n, Entry{Size: 4096, Inode: 7}, 4096)
	}
	x.Release(put(seal.Name{1}))
	h := put(seal.Name{2})
	x.Drop(seal.Name{1})
	if bytes := x.Release(h); bytes != 0 || x.room.used != 4096 || x.objects.evictable != 4096 {
		t.Errorf("%d bytes to free, used %d, evictable %d", bytes, x.room.used, x.objects.evictable)
	}
}

// TestRoomBesideClaimedFiles needs the room of a file that somebody works on: it
// waits for that, instead of evicting the file or giving up.
func TestRoomBesideClaimedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New(8192)
		load(x, Object{seal.Name{1}, Entry{Size: 8192, Inode: 1}})
		x.Claim(seal.Name{1}, time.Hour)
		planned := make(chan []Object, 1)
		go func() {
			victims, _ := x.Plan(4096, 0)
			planned <- victims
		}()
		synctest.Wait() // plan is waiting
		x.Unclaim(seal.Name{1})
		if victims := <-planned; len(victims) != 1 {
			t.Errorf("%d victims", len(victims))
		}
	})
}
