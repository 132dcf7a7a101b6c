package anchor

import (
	"context"
	"log/slog"
	"strings"
	"testing"
)

// stuck is an anchor that does not answer before it must.
type stuck struct{ asked chan struct{} }

func (stuck) Name() string { return "stuck" }
func (s stuck) Publish(ctx context.Context, _ []byte) error {
	s.asked <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

// TestStop: the end waits for an anchor that hangs only until its time is over, and
// then not for long.
func TestStop(t *testing.T) {
	hangs := stuck{make(chan struct{}, 10)}
	p := NewPublisher([]Anchor{hangs}, slog.New(slog.DiscardHandler))
	p.Start()
	p.Offer(3, []byte("checkpoint"))
	<-hangs.asked
	p.cancel() // as after the time of the farewell
	p.Stop()
	if s := p.Status(); s[0].Name != "stuck" || s[0].Records != 0 {
		t.Errorf("%+v", s)
	}
}

// deaf is an anchor that does not notice when it must end.
type deaf struct{ asked, letGo chan struct{} }

func (deaf) Name() string { return "deaf" }
func (d deaf) Publish(context.Context, []byte) error {
	close(d.asked)
	<-d.letGo
	return nil
}

// TestStopLeaves: an anchor that never answers does not keep the program, and is named.
func TestStopLeaves(t *testing.T) {
	var said strings.Builder
	hangs := deaf{make(chan struct{}), make(chan struct{})}
	p := NewPublisher([]Anchor{hangs}, slog.New(slog.NewTextHandler(&said, nil)))
	p.Start()
	p.Offer(3, []byte("checkpoint"))
	<-hangs.asked
	p.cancel() // as after the time of the farewell
	p.Stop()
	if !strings.Contains(said.String(), "anchor=deaf") {
		t.Error(said.String())
	}
	close(hangs.letGo)
	p.workers.Wait()
}
