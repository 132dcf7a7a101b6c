package anchor

import (
	"context"
	"log/slog"
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
