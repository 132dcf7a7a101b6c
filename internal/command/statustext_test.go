package command

import (
	"errors"
	"testing"
	"time"

	"veriffs/internal/library"
)

// TestStatusText: the line says what was opened, what is waited for, how fast that comes,
// what failed, and why nothing is asked of the API.
func TestStatusText(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	limited := library.Stats{Opens: 2}
	limited.API.HeldUntil = now.Add(90 * time.Second)
	for want, tt := range map[string]struct {
		stats library.Stats
		speed int64
	}{
		"0 files opened": {},
		"1 file opened":  {stats: library.Stats{Opens: 1}},
		"1,200 files opened, 3 waiting, 2.0 MiB/s, 4 failed":               {library.Stats{Opens: 1200, Fetching: 3, Failed: 4}, 2 << 20},
		"2 files opened, 1 waiting, the API is out of reach":               {stats: library.Stats{Opens: 2, Fetching: 1, Offline: errors.New("no route")}},
		"2 files opened, the API asked for fewer requests: none for 1m30s": {stats: limited},
	} {
		if got := statusText(tt.stats, tt.speed, now); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
