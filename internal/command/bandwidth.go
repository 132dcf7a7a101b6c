package command

import (
	"context"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"golang.org/x/time/rate"
)

const (
	// leastBandwidth, in bytes a second, is so much that sixteen connections each get
	// something every few seconds: a server may cut one that takes nothing.
	leastBandwidth = 100_000
	// leastBurst is one read of a body, in bytes.
	leastBurst = 64 << 10
)

// bandwidth limits the bytes of files that are fetched, from the API and the team store
// together. A nil one limits nothing.
type bandwidth struct{ tokens *rate.Limiter }

// readBandwidth reads a rate such as 5MB/s or 40Mbit/s.
func readBandwidth(c *cli.Context) (*bandwidth, error) {
	text := c.String(flagBandwidth)
	if text == "" {
		return nil, nil
	}
	amount, perSecond := strings.CutSuffix(text, "/s")
	amount, bits := strings.CutSuffix(amount, "bit")
	if bits {
		amount += "B"
	}
	n, err := humanize.ParseBytes(amount)
	if bits {
		n /= 8
	}
	if err != nil || !perSecond || n < leastBandwidth || n > 1<<50 {
		return nil, usageError("--%s must be a rate such as 5MB/s or 40Mbit/s, and at least 100kB/s, not %q", flagBandwidth, text)
	}
	// A tenth of a second's at once, so that a timer that fires late costs nothing.
	return &bandwidth{rate.NewLimiter(rate.Limit(n), max(leastBurst, int(n/10)))}, nil
}

// wait is for those who have received so many bytes: it returns when more may come.
func (b *bandwidth) wait(ctx context.Context, bytes int) error {
	for bytes > 0 {
		n := min(bytes, b.tokens.Burst())
		if err := b.tokens.WaitN(ctx, n); err != nil {
			return err
		}
		bytes -= n
	}
	return nil
}

// pace is what fetches take; nil without a limit.
func (b *bandwidth) pace() func(context.Context, int) error {
	if b == nil {
		return nil
	}
	return b.wait
}

// bytes is the limit in bytes a second; 0 if there is none.
func (b *bandwidth) bytes() int64 {
	if b == nil {
		return 0
	}
	return int64(b.tokens.Limit())
}
