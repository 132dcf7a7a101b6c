package veriff

import "time"

// patience is how long a call still waits for the server: a clock that runs
// down while the server is waited for, and is set back by what it sends. It is
// used by the call's goroutine alone; over, which it calls at the end, by any.
type patience struct {
	whole, left time.Duration
	running     time.Time // since when
	timer       *time.Timer
}

func newPatience(whole time.Duration, over func()) *patience {
	p := &patience{whole: whole, left: whole, timer: time.AfterFunc(time.Hour, over)}
	p.timer.Stop()
	return p
}

// run starts the clock.
func (p *patience) run() {
	p.running = time.Now()
	p.timer.Reset(p.left)
}

// stop stops the clock.
func (p *patience) stop() {
	p.timer.Stop()
	p.left -= time.Since(p.running)
}

// renew sets the clock, while it is stopped, back to the whole.
func (p *patience) renew() { p.left = p.whole }

// spend takes a pause of what is left, and reports false if that outlasts it.
func (p *patience) spend(pause time.Duration) bool {
	p.left -= pause
	return p.left > 0
}
