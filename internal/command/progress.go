package command

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"veriffs/internal/warming"
)

// lineInterval is how often progress is printed without a terminal.
const lineInterval = 10 * time.Second

// progress shows how far a warm has come.
type progress interface {
	update(warming.Progress)
	end()
}

// newProgress returns a bar on a terminal and plain lines elsewhere.
func newProgress(w io.Writer) progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &bar{w: w}
	}
	return &lines{w: w, last: time.Now(), now: time.Now}
}

// bar is a line that is redrawn.
type bar struct {
	w     io.Writer
	shown *progressbar.ProgressBar
}

func (b *bar) update(p warming.Progress) {
	most := max(p.Bytes-p.CachedBytes, p.FetchedBytes, 1)
	if b.shown == nil {
		b.shown = progressbar.NewOptions64(most,
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionShowCount(),
			progressbar.OptionFullWidth(),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	b.shown.Describe(filesText(p, time.Now()))
	b.shown.ChangeMax64(most)
	// Never quite full, which would end the bar: more sessions may be listed.
	_ = b.shown.Set64(min(p.FetchedBytes, most-1))
}

func (b *bar) end() {
	if b.shown != nil {
		_ = b.shown.Clear()
	}
}

// lines are for logs.
type lines struct {
	w      io.Writer
	now    func() time.Time
	last   time.Time
	was    int64
	waited bool // a first wait was printed at once; later ones at the usual interval
}

func (l *lines) update(p warming.Progress) {
	now := l.now()
	since := now.Sub(l.last)
	waits := p.HeldUntil.After(now)
	if since < lineInterval && (l.waited || !waits) {
		return
	}
	speed := perSecond(p.FetchedBytes-l.was, since)
	l.last, l.was, l.waited = now, p.FetchedBytes, l.waited || waits
	left := "unknown"
	if todo := p.Bytes - p.CachedBytes - p.FetchedBytes; speed > 0 && p.Done == p.Sessions {
		left = (time.Duration(todo/speed) * time.Second).String()
	}
	fmt.Fprintf(l.w, "%s, %s of %s, %s/s, time left %s\n",
		filesText(p, now), bytesText(p.FetchedBytes+p.CachedBytes), bytesText(p.Bytes), bytesText(speed), left)
}

func (l *lines) end() {}

// filesText says how many files are done, with a + if more may be listed, and
// whether the warm waits.
func filesText(p warming.Progress, now time.Time) string {
	more := ""
	if p.Done < p.Sessions {
		more = "+"
	}
	text := fmt.Sprintf("%s of %s%s files", humanize.Comma(int64(p.Fetched+p.Cached)), humanize.Comma(int64(p.Files)), more)
	if p.Failed > 0 {
		text += fmt.Sprintf(", %s failed", humanize.Comma(int64(p.Failed)))
	}
	if p.HeldUntil.After(now) {
		text += fmt.Sprintf(", waiting %s (the API asked for fewer requests)", p.HeldUntil.Sub(now).Round(time.Second))
	}
	return text
}
