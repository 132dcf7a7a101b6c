package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"veriffs/internal/library"
)

// statusLine is the last line of a terminal in which a mount runs. It says what the
// mount does, and what is written to it goes above it.
type statusLine struct {
	terminal *os.File
	stop     func()

	mu    sync.Mutex
	shown string
}

// newStatusLine makes everything that the command writes to standard error from now on
// go above a status line, if that is a terminal and the log is for people. Otherwise it
// returns nil, which shows nothing.
func newStatusLine(c *cli.Context) *statusLine {
	f, ok := c.App.ErrWriter.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" || c.String(flagLogFormat) != "text" {
		return nil
	}
	l := &statusLine{terminal: f, stop: func() {}}
	c.App.ErrWriter = l
	return l
}

// begin shows what stats says, once a second, until end.
func (l *statusLine) begin(stats func() library.Stats) {
	if l == nil {
		return
	}
	ended, done := make(chan struct{}), make(chan struct{})
	l.stop = func() {
		close(ended)
		<-done
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for last, before := time.Now(), stats().API.Bytes; ; {
			s, now := stats(), time.Now()
			l.show(statusText(s, perSecond(s.API.Bytes-before, now.Sub(last)), now))
			last, before = now, s.API.Bytes
			select {
			case <-tick.C:
			case <-ended:
				return
			}
		}
	}()
}

// end takes the line away.
func (l *statusLine) end() {
	if l != nil {
		l.stop()
		l.stop = func() {}
		l.show("")
	}
}

// toStart goes to the beginning of a line and erases it.
const toStart = "\r\x1b[K"

func (l *statusLine) show(text string) {
	if width, _, err := term.GetSize(int(l.terminal.Fd())); err == nil && width > 0 && len(text) >= width {
		text = text[:width-1] // a line that wraps can't be erased
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if text != l.shown {
		_, _ = io.WriteString(l.terminal, toStart+text)
		l.shown = text
	}
}

func (l *statusLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shown == "" {
		return l.terminal.Write(p)
	}
	if _, err := io.WriteString(l.terminal, toStart+string(p)+l.shown); err != nil {
		return 0, err
	}
	return len(p), nil
}

// statusText is one line of ASCII.
func statusText(s library.Stats, speed int64, now time.Time) string {
	parts := []string{humanize.Comma(s.Opens) + " " + english.PluralWord(int(s.Opens), "file", "") + " opened"}
	if s.Fetching > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", s.Fetching))
	}
	if speed > 0 {
		parts = append(parts, bytesText(speed)+"/s")
	}
	if s.Failed > 0 {
		parts = append(parts, humanize.Comma(s.Failed)+" failed")
	}
	switch {
	case s.Offline != nil:
		parts = append(parts, "the API is out of reach")
	case s.API.HeldUntil.After(now):
		parts = append(parts, fmt.Sprintf("the API asked for fewer requests: none for %s", s.API.HeldUntil.Sub(now).Round(time.Second)))
	}
	return strings.Join(parts, ", ")
}
