package command

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		log := slog.New(limitRepeats(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		for n := range 1000 {
			log.Info("gone", "id", n)
			log.With("part", "x").Debug("looked", "id", n)
		}
		log.Warn("gone")
		count := func(words string) int { return strings.Count(out.String(), words) }
		if n := count("level=INFO msg=gone"); n != repeatsShown {
			t.Errorf("%d records of one message, want %d", n, repeatsShown)
		}
		if n := count("msg=looked"); n != 1000 {
			t.Errorf("%d debug records, want all", n)
		}
		if n := count("level=WARN msg=gone"); n != 1 {
			t.Errorf("%d records of another level", n)
		}
		time.Sleep(repeatWindow)
		synctest.Wait()
		if n := count(`level=INFO msg="gone (970 more in the last minute)"`); n != 1 {
			t.Errorf("the others are told %d times:\n%s", n, out.String())
		}
		if n := count("more in the last minute"); n != 1 {
			t.Errorf("%d sums", n)
		}
		log.Info("gone")
		if n := count("level=INFO msg=gone"); n != repeatsShown+1 {
			t.Error("the next minute does not begin anew")
		}
	})
}

// lockedBuffer can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.String()
}
