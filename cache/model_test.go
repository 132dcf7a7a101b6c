package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"veriffs/cache/seal"
)

// world is a cache and a model of it: a map of what was stored.
type world struct {
	t    *testing.T
	rnd  *rand.Rand
	opts Options
	now  atomic.Int64 // Unix nanoseconds
	c    *Cache
	calm bool // nobody tampers, so every count must be right

	model  map[Key]stored
	open   []reader
	inWork []*Writer // abandoned by a crash
	hits   int
	seed   uint64
}

// stored is what the model knows of an object.
type stored struct {
	want     []byte
	at       time.Time
	tampered bool
	pinned   bool
}

type reader struct {
	o        *Object
	want     []byte
	tampered *bool // shared by all readers: the files on disk were touched
}

const worldKeys = 40

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), model: map[Key]stored{}, seed: seed, calm: seed%2 == 0}
	w.now.Store(1_700_000_000_000_000_000)
	w.opts = testOptions(t)
	w.opts.Limit = 3 << 20
	w.opts.MaxAge = 24 * time.Hour
	w.opts.Now = w.time
	w.c = open(t, w.opts)
	return w
}

func (w *world) time() time.Time { return time.Unix(0, w.now.Load()) }

func (w *world) key() Key { return Key(fmt.Sprintf("media/%d", w.rnd.IntN(worldKeys))) }

func (w *world) contents() []byte {
	w.seed++
	size := w.rnd.IntN(1000)
	switch w.rnd.IntN(10) {
	case 0:
		size = seal.ChunkSize * w.rnd.IntN(4)
	case 1, 2, 3:
		size = w.rnd.IntN(5 * seal.ChunkSize)
	case 4:
		size = 4 << 20 // larger than the cache
		if w.rnd.IntN(5) > 0 {
			size = 0
		}
	}
	return content(w.seed, size)
}

// write starts an object and writes it in pieces.
func (w *world) write(k Key, b []byte) *Writer {
	size := int64(len(b))
	if w.rnd.IntN(3) == 0 {
		size = int64(w.rnd.IntN(200_000)) - 1
	}
	wr, err := w.c.Create(k, size)
	if err != nil {
		w.t.Fatalf("Create: %v", err)
	}
	for len(b) > 0 {
		n := min(len(b), 1+w.rnd.IntN(2*seal.ChunkSize))
		if _, err := wr.Write(b[:n]); err != nil {
			w.t.Fatalf("Write: %v", err)
		}
		b = b[n:]
	}
	return wr
}

func (w *world) put() {
	k, b := w.key(), w.contents()
	wr := w.write(k, b)
	o, err := wr.Commit([]byte("label of " + k))
	if err != nil {
		w.t.Fatalf("Commit: %v", err)
	}
	s := stored{want: b, at: w.time(), pinned: w.model[k].pinned}
	if o.held == nil {
		// Not in the cache: an older one of this key may still be.
		if old, ok := w.model[k]; ok {
			s = old
		} else {
			s.want = nil
		}
	}
	if o.held != nil || w.model[k].want != nil {
		w.model[k] = s
	}
	w.open = append(w.open, reader{o: o, want: b, tampered: new(bool)})
}

func (w *world) get() {
	k := w.key()
	o, ok := w.c.Get(k)
	m, known := w.model[k]
	if !ok {
		if known && m.want != nil && m.pinned && !m.tampered && w.time().Sub(m.at) < w.opts.MaxAge {
			w.t.Fatalf("%s is pinned and missing", k)
		}
		return
	}
	w.hits++
	if !known || m.want == nil {
		w.t.Fatalf("%s: a hit for what was never stored or was erased", k)
	}
	if w.time().Sub(m.at) >= w.opts.MaxAge {
		w.t.Fatalf("%s: a hit for what is past its age", k)
	}
	if string(o.Label()) != "label of "+string(k) || o.Size() != int64(len(m.want)) || !o.Stored().Equal(m.at) {
		w.t.Fatalf("%s: label %q, size %d, stored %v", k, o.Label(), o.Size(), o.Stored())
	}
	tampered := m.tampered
	w.open = append(w.open, reader{o: o, want: m.want, tampered: &tampered})
}

// read reads a random range of a random open object.
func (w *world) read() {
	if len(w.open) == 0 {
		return
	}
	r := w.open[w.rnd.IntN(len(w.open))]
	off := w.rnd.IntN(len(r.want) + 1)
	p := make([]byte, w.rnd.IntN(len(r.want)-off+1))
	n, err := r.o.ReadAt(p, int64(off))
	if !bytes.Equal(p[:n], r.want[off:off+n]) {
		w.t.Fatalf("wrong bytes at %d", off)
	}
	if err != nil && !(errors.Is(err, ErrDamaged) && *r.tampered) && !(n == len(p)) {
		w.t.Fatalf("read of %d at %d of %d: %d, %v", len(p), off, len(r.want), n, err)
	}
}

func (w *world) closeSome(n int) {
	for ; n > 0 && len(w.open) > 0; n-- {
		i := w.rnd.IntN(len(w.open))
		if err := w.open[i].o.Close(); err != nil {
			w.t.Fatal(err)
		}
		w.open[i] = w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
	}
}

// tamper does something to a file, or to two, that a thief or a disk could.
func (w *world) tamper() {
	list := files(w.t, w.opts.Dir)
	if len(list) == 0 || w.calm {
		return
	}
	pick := func() string { return list[w.rnd.IntN(len(list))] }
	a, b := pick(), pick()
	data, err := os.ReadFile(a)
	if err != nil || len(data) == 0 {
		return
	}
	// Which keys they belong to is not written on them: suspect all.
	for k, m := range w.model {
		m.tampered = true
		w.model[k] = m
	}
	for _, r := range w.open {
		*r.tampered = true
	}
	switch w.rnd.IntN(5) {
	case 0:
		data[w.rnd.IntN(len(data))] ^= 1 << w.rnd.IntN(8)
		err = os.WriteFile(a, data, 0o600)
	case 1:
		err = os.Truncate(a, int64(w.rnd.IntN(len(data))))
	case 2:
		err = os.Truncate(a, int64(len(data)+1+w.rnd.IntN(2*seal.ChunkSize)))
	case 3:
		err = os.WriteFile(b, data, 0o600)
	case 4:
		err = os.Remove(a)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) purge() {
	i := w.rnd.IntN(worldKeys)
	match := func(k Key) bool { return len(k) > 6 && int(k[len(k)-1])%7 == i%7 }
	r, err := w.c.Purge(context.Background(), func(k Key, _ []byte, _ time.Time) bool { return match(k) })
	if err != nil || r.Remaining != 0 {
		w.t.Fatalf("purge: %+v, %v", r, err)
	}
	for k := range w.model {
		if match(k) {
			delete(w.model, k)
		}
	}
}

func (w *world) pin() {
	k := w.key()
	m, ok := w.model[k]
	if !ok || m.want == nil || m.tampered {
		return
	}
	// Present now, or it could have been evicted before.
	o, ok := w.c.Get(k)
	if !ok {
		return
	}
	o.Close()
	if w.c.Stats().Pinned > 5 || m.pinned {
		if err := w.c.Unpin(k); err != nil {
			w.t.Fatal(err)
		}
		m.pinned = false
	} else {
		if err := w.c.Pin(k); err != nil {
			w.t.Fatal(err)
		}
		m.pinned = true
	}
	w.model[k] = m
}

func (w *world) restart(clean bool) {
	if !clean {
		wr := w.write(w.key(), w.contents())
		w.inWork = append(w.inWork, wr) // whose temporary file stays behind
		crash(w.c)
	} else if err := w.c.Close(); err != nil {
		w.t.Fatal(err)
	}
	// Objects that are open outlive the cache, as far as reading goes.
	w.closeSome(len(w.open))
	w.c = open(w.t, w.opts)
	if w.rnd.IntN(2) == 0 {
		waitLoaded(w.t, w.c)
	}
	// Whatever files were tampered with and not seen yet still are.
}

func (w *world) step() {
	switch n := w.rnd.IntN(1000); {
	case n < 250:
		w.put()
	case n < 600:
		w.get()
	case n < 850:
		w.read()
	case n < 900:
		w.closeSome(5)
	case n < 910:
		w.write(w.key(), w.contents()).Abort()
	case n < 930:
		k := w.key()
		if err := w.c.Remove(k); err != nil {
			w.t.Fatal(err)
		}
		delete(w.model, k)
	case n < 945:
		w.tamper()
	case n < 950:
		w.purge()
	case n < 965:
		w.pin()
	case n < 970:
		w.now.Add(int64(w.rnd.IntN(10)) * int64(time.Hour))
	case n < 976:
		w.restart(true)
	case n < 982:
		w.restart(false)
	default:
		w.closeSome(max(0, len(w.open)-10))
		if w.calm {
			checkCounts(w.t, w.c)
		}
		if real := du(w.t, w.opts.Dir); real > w.opts.Limit {
			w.t.Fatalf("%d bytes on disk, limit %d", real, w.opts.Limit)
		}
	}
}
