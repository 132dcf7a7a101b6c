package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestModel drives random operations, crashes and damage against a model.
func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}

// TestSoakModel does the same with new seeds for as long as VERIFFS_SOAK says.
func TestSoakModel(t *testing.T) {
	seed := rand.Uint64N(1 << 40)
	for soak := newSoak(t); soak.goesOn(); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}

func runModel(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	for range 1500 {
		w.step()
		if t.Failed() {
			return
		}
	}
	w.closeSome(len(w.open))
	for _, wr := range w.inWork {
		wr.Abort()
	}
	if w.hits < 100 {
		t.Errorf("only %d hits: the model proves little", w.hits)
	}
	// Every object that is left is right.
	for k, m := range w.model {
		o, ok := w.c.Get(k)
		if !ok {
			continue
		}
		got := make([]byte, o.Size())
		if _, err := o.ReadAt(got, 0); !bytes.Equal(got, m.want) && !(errors.Is(err, ErrDamaged) && m.tampered) {
			t.Errorf("%s: wrong bytes at the end, %v", k, err)
		}
		o.Close()
	}
	if s := w.c.Stats(); s.Bypassed || s.Memory != 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}
