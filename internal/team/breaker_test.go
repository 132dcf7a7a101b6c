package team

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestBreaker: a bucket that fails four times in a row is left alone, tried once after a
// pause that doubles, and used again when that goes well.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, closed int
		b := newBreaker(func(error) { opened++ }, func() { closed++ })
		why := errors.New("why")
		fail := func() {
			t.Helper()
			if !b.allow() {
				t.Fatal("not allowed")
			}
			b.failed(why)
		}
		for range failures - 1 {
			fail()
		}
		b.allow()
		b.succeeded() // a row that is interrupted
		for range failures {
			fail()
		}
		if b.allow() || b.why() != why || opened != 1 {
			t.Errorf("allowed after %d failures; %v, told %d times", failures, b.why(), opened)
		}
		for pause := pauseFirst; pause < 2*pauseLongest; pause *= 2 {
			time.Sleep(min(pause, pauseLongest) - time.Millisecond)
			if b.allow() {
				t.Fatal("allowed too early, after", pause)
			}
			time.Sleep(time.Millisecond)
			if !b.allow() {
				t.Fatal("not allowed after", pause)
			}
			if b.allow() {
				t.Fatal("two attempts at once")
			}
			b.failed(why)
		}
		time.Sleep(pauseLongest)
		if !b.allow() {
			t.Fatal("not allowed")
		}
		b.leave() // nothing was learnt
		if !b.allow() {
			t.Fatal("not allowed once more")
		}
		b.succeeded()
		first, second := b.allow(), b.allow()
		if !first || !second || b.why() != nil || opened != 1 || closed != 1 {
			t.Errorf("%v, told %d and %d times", b.why(), opened, closed)
		}
	})
}

// TestBreakerWait: those who can wait are let through one by one while it is open, and
// all when it closes.
func TestBreakerWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(func(error) {}, func() {})
		for range failures {
			b.allow()
			b.failed(errors.New("why"))
		}
		passed := make(chan struct{}, 3)
		for range 3 {
			go func() {
				if b.wait(t.Context()) {
					passed <- struct{}{}
				}
			}()
		}
		time.Sleep(pauseFirst)
		synctest.Wait()
		if len(passed) != 1 {
			t.Fatalf("%d passed at once", len(passed))
		}
		b.succeeded()
		synctest.Wait()
		if len(passed) != 3 {
			t.Errorf("%d of 3 passed", len(passed))
		}
	})
}
