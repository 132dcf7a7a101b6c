package answers

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"veriffs/internal/flight"
	"veriffs/internal/reach"
)

// shop answers with how often it was asked, once it is told to.
type shop struct {
	asked  int
	answer chan struct{}
	err    error
}

type item string

func (i item) String() string { return string(i) }

func (s *shop) Stored(item) (a Answer[int], ok bool) { return a, false }

func (s *shop) Ask(*flight.Task, item) (int, error) {
	s.asked++
	<-s.answer
	return s.asked, s.err
}

func (s *shop) Received(item, int, int) {}
func (s *shop) Lost(item, int)          {}
func (s *shop) Keeps(item) bool         { return false }

func (s *shop) Gate(_ context.Context, _ item, work func() (int, error)) (int, error) { return work() }

type freely struct{}

func (freely) Probe(context.Context) error { return nil }
func (freely) Answers() int64              { return 0 }
func (freely) HeldUntil() (t time.Time)    { return t }
func (freely) Patience() time.Duration     { return time.Second }

func (s *shop) answers(t *testing.T, log *slog.Logger) *Answers[item, int] {
	return New(s, Options[int]{
		About: "item", Most: 100, Weigh: func(Answer[int]) int { return 1 }, TTL: time.Hour, Now: time.Now, Log: log,
		Limit: reach.NewLimit(freely{}, t.Context(), log), Lanes: flight.NewLanes(t.Context(), 1, nil), Spawn: func(f func()) { go f() },
	})
}

// awaitAsked waits until the source is asked for an answer that has not expired since.
func awaitAsked(a *Answers[item, int], k item) {
	asked := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		expired, ok := a.asked[k]
		return ok && !expired
	}
	for !asked() {
		time.Sleep(time.Millisecond) // there is no notice
	}
}

// An answer that was asked for before there was word of a change is stale when
// it comes.
func TestExpiredWhileItWasAsked(t *testing.T) {
	s := &shop{answer: make(chan struct{})}
	a := s.answers(t, slog.New(slog.DiscardHandler))
	first := make(chan int)
	go func() {
		v, err := a.Get(t.Context(), "x")
		if err != nil {
			t.Error(err)
		}
		first <- v
	}()
	awaitAsked(a, "x")
	s.answer <- struct{}{}
	if v := <-first; v != 1 {
		t.Fatalf("the first answer is %d", v)
	}
	go func() {
		v, _ := a.Get(t.Context(), "x") // fresh
		first <- v
	}()
	if v := <-first; v != 1 {
		t.Fatalf("a fresh answer is %d", v)
	}
	a.Expire("x")
	go func() {
		v, _ := a.Get(t.Context(), "x")
		first <- v
	}()
	awaitAsked(a, "x")
	a.Expire("x")
	close(s.answer)
	if v := <-first; v != 2 {
		t.Fatalf("the second answer is %d", v)
	}
	if v, err := a.Get(t.Context(), "x"); err != nil || v != 3 {
		t.Errorf("after word of a change during the second: %d, %v", v, err)
	}
}

// The log says of a stale answer what it is about, by the name that other lines have for it.
func TestLogOfAStaleAnswer(t *testing.T) {
	s := &shop{answer: make(chan struct{})}
	close(s.answer)
	var log bytes.Buffer
	a := s.answers(t, slog.New(slog.NewTextHandler(&log, nil)))
	if v, err := a.Get(t.Context(), "x"); err != nil || v != 1 {
		t.Fatalf("the first answer: %d, %v", v, err)
	}
	a.Expire("x")
	s.err = errors.New("no route")
	if v, err := a.Get(t.Context(), "x"); err != nil || v != 1 {
		t.Errorf("the stale answer: %d, %v", v, err)
	}
	if !strings.Contains(log.String(), ` item=x error="no route"`) {
		t.Errorf("the log says: %s", &log)
	}
}

// Word of a change while a renewal asks, as from somebody who renews the same answer,
// makes it ask again, and not fail.
func TestExpiredWhileItWasRenewed(t *testing.T) {
	s := &shop{answer: make(chan struct{})}
	a := s.answers(t, slog.New(slog.DiscardHandler))
	renewed := make(chan int)
	go func() {
		v, err := a.Renew(t.Context(), "x")
		if err != nil {
			t.Error(err)
		}
		renewed <- v
	}()
	for n := range 3 {
		awaitAsked(a, "x")
		if n < 2 {
			a.Expire("x")
		}
		s.answer <- struct{}{}
	}
	if v := <-renewed; v != 3 {
		t.Errorf("the answer is that of request %d", v)
	}
}
