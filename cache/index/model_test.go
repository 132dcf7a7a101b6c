package index

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"veriffs/cache/seal"
)

// load ends the loading with what was found.
func load(x *Index, all ...Object) {
	found := NewFound()
	for _, o := range all {
		found.Add(o)
	}
	x.Load(found, func(e Entry) int64 { return e.Used })
}

// check adds up anew what an index counts.
func check(t *testing.T, x *Index) {
	t.Helper()
	var used, evictable, pinned int64
	for n, e := range x.objects.lru.All() {
		used += e.Size
		if x.objects.pins[n] {
			pinned++
		}
		if x.objects.pins[n] || x.objects.kept[n] {
			continue
		} else if x.objects.opened(n, e) == nil {
			evictable += e.Size
		}
	}
	for _, e := range x.lost {
		used += e.Size
	}
	for _, f := range x.objects.open {
		if f.gone {
			used += f.size
		}
	}
	var foreign int64
	for _, u := range x.dirs {
		used += u.bytes
		foreign += u.objects
	}
	used += x.room.freeing + x.room.reserved
	if x.room.used != used || x.objects.evictable != evictable || x.objects.pinned != pinned || x.foreign != foreign {
		t.Fatalf("used %d, want %d; evictable %d, want %d; pinned %d, want %d; foreign %d, want %d",
			x.room.used, used, x.objects.evictable, evictable, x.objects.pinned, pinned, x.foreign, foreign)
	}
}

// TestModel does anything in any order, and adds up after each step.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		x := New(40 * 4096)
		name := func() seal.Name { return seal.Name{byte(r.IntN(30))} }
		var (
			inode uint64
			open  []*File
			found []Object // before it is loaded
		)
		for n := range 20 {
			inode++
			found = append(found, Object{seal.Name{byte(100 + n%25)}, Entry{Size: 4096, Inode: inode}})
		}
		for step := range 300 {
			switch n := name(); r.IntN(12) {
			case 0, 1, 2: // write
				if !x.objects.loading {
					size := int64(1+r.IntN(3)) * 4096
					victims, ok := x.Plan(size, 0)
					for _, v := range victims {
						var err error
						if r.IntN(5) == 0 {
							err = errors.New("it stays")
						}
						x.Evicted(v, err)
					}
					if ok && len(victims) == 0 {
						inode++
						e := Entry{Size: size - 1000, Inode: inode}
						if r.IntN(4) == 0 {
							if f := x.Adopt(e, size); x.Release(f) != e.Size {
								t.Fatal("a file without a name is not freed")
							}
							x.Settle(0, -e.Size)
						} else {
							open = append(open, x.Publish(n, e, size))
						}
					}
				}
			case 3, 4: // read, perhaps a file that is not known yet
				n[0] += byte(r.IntN(2) * 100)
				e, ok := x.objects.lru.Peek(n)
				if !ok {
					inode++
					e = Entry{Size: 4096, Inode: inode}
				}
				if f, _ := x.Hold(n, e, time.Unix(int64(step), 0)); f != nil {
					open = append(open, f)
				}
			case 5, 6, 7: // close
				if len(open) > 0 {
					i := r.IntN(len(open))
					x.Settle(0, -x.Release(open[i]))
					open = append(open[:i], open[i+1:]...)
				}
			case 8:
				x.Drop(n)
			case 9:
				x.Pin(n, r.IntN(2) == 0)
			case 10:
				if r.IntN(4) == 0 {
					x.Lose(n)
				} else {
					x.SetDir("foreign", int64(r.IntN(5)), int64(r.IntN(5))*512)
				}
			case 11:
				switch r.IntN(20) {
				case 0:
					x.UnpinAll()
				case 1, 2, 3:
					x.Keep(map[seal.Name]bool{n: true, name(): true}, false)
				}
			}
			if step == 30 {
				load(x, found...)
			}
			check(t, x)
		}
	}
}
