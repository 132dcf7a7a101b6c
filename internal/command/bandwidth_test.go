package command

import (
	"context"
	"errors"
	"flag"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urfave/cli/v2"
)

func bandwidthOf(text string) (*bandwidth, error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.String(flagBandwidth, text, "")
	return readBandwidth(cli.NewContext(nil, flags, nil))
}

func TestReadBandwidth(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "5MB/s": 5_000_000, "40Mbit/s": 5_000_000, "1MiB/s": 1 << 20, "100kB/s": 100_000, "1 Gbit/s": 125_000_000} {
		if b, err := bandwidthOf(text); err != nil || b.bytes() != want || (b.pace() == nil) != (want == 0) {
			t.Errorf("%q is %d, %v", text, b.bytes(), err)
		}
	}
	for _, text := range []string{"5", "5MB", "5/s", "0MB/s", "-5MB/s", "99kB/s", "fast", "Mbit/s", "9EB/s"} {
		if b, err := bandwidthOf(text); err == nil {
			t.Errorf("%q is %d", text, b.bytes())
		}
	}
}

// TestBandwidth: beyond the burst, bytes take as long as the rate says, all together. Who
// leaves waits no longer.
func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := bandwidthOf("1MB/s")
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			if got := time.Since(begun).Round(time.Millisecond); got != want { // by the clock of the test
				t.Errorf("%v, not %v", got, want)
			}
		}
		if err := b.wait(t.Context(), 100_000); err != nil { // the burst
			t.Error(err)
		}
		took(0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.wait(ctx, 100_000); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		took(0)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := b.wait(t.Context(), 500_000); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		took(2 * time.Second)
	})
}
