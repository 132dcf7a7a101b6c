package writer

import (
	"sync"
	"time"

	"veriffs/internal/accesslog"
)

// condition is whether the log can be written, for Status, which the log's other locks
// would keep from it: they are held while the disk works.
type condition struct {
	options *Options

	mu        sync.Mutex
	records   int64
	failing   string    // why; empty: it is not
	told      time.Time // of the last complaint
	unwritten bool      // the last write failed, and none has succeeded since
	open      bool      // before, a failure is the error of Open, and no complaint
}

// committed takes in how a commit ended: whether the log was reached, and written to.
func (c *condition) committed(reached, wrote bool, records int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.failing != ""
	switch {
	case err != nil:
		c.unwritten = c.unwritten || reached
		c.failing = err.Error()
		if c.open && (!was || time.Since(c.told) >= complainEvery) {
			c.told = time.Now()
			c.complain(err)
		}
	case c.unwritten && !wrote: // nothing was tried: it may still fail
	default:
		c.unwritten, c.failing, c.records, c.open = false, "", records, true
		if was {
			c.options.Logger.Warn("the access log can be written again")
		}
	}
}

func (c *condition) complain(err error) {
	effect := "records wait in memory until this is mended; they are lost if there are too many, or the process ends"
	if c.options.Mode == accesslog.Required {
		effect = "nothing can be opened until this is mended"
	}
	c.options.Logger.Error("the access log can't be written: "+effect, "path", c.options.Path, "error", err)
}

func (c *condition) isFailing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failing != ""
}

// Status returns how the log is.
func (l *Log) Status() accesslog.Status {
	s := accesslog.Status{Path: l.options.Path, Mode: l.options.Mode, Lost: l.Lost(), Anchors: l.external.Status()}
	s.Waiting, _ = l.queue.state()
	l.condition.mu.Lock()
	defer l.condition.mu.Unlock()
	s.Records, s.Failing = l.condition.records, l.condition.failing
	return s
}
