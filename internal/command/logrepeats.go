package command

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// repeatsShown is how many records with the same message are logged per minute.
	repeatsShown = 30
	repeatWindow = time.Minute
)

// repeats keeps one message from flooding the log: after the first few in a minute
// it only counts, and logs the count at the end. A walk over ten thousand old ids,
// or an outage, logs as many equal messages. Debug records are not limited.
type repeats struct {
	slog.Handler
	state *repeatState
}

// repeatState is shared by all loggers derived from one.
type repeatState struct {
	mu   sync.Mutex
	seen map[string]int // in this window, by level and message
}

func limitRepeats(h slog.Handler) slog.Handler {
	return &repeats{h, &repeatState{seen: make(map[string]int)}}
}

func (r *repeats) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &repeats{r.Handler.WithAttrs(attrs), r.state}
}

func (r *repeats) WithGroup(name string) slog.Handler {
	return &repeats{r.Handler.WithGroup(name), r.state}
}

func (r *repeats) Handle(ctx context.Context, record slog.Record) error {
	if record.Level > slog.LevelDebug && !r.admit(record.Level, record.Message) {
		return nil
	}
	return r.Handler.Handle(ctx, record)
}

// admit counts a record. The first of its kind opens a window, at whose end the
// number of suppressed records is logged.
func (r *repeats) admit(level slog.Level, message string) bool {
	key := level.String() + message
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	r.state.seen[key]++
	if r.state.seen[key] == 1 {
		time.AfterFunc(repeatWindow, func() {
			r.state.mu.Lock()
			more := r.state.seen[key] - repeatsShown
			delete(r.state.seen, key)
			r.state.mu.Unlock()
			if more > 0 {
				record := slog.NewRecord(time.Now(), level, fmt.Sprintf("%s (%d more in the last minute)", message, more), 0)
				_ = r.Handler.Handle(context.Background(), record) // as every logger does
			}
		})
	}
	return r.state.seen[key] <= repeatsShown
}
