package library

import (
	"context"

	"veriffs/internal/flight"
)

// call makes a call of the API, and is the only one that does: not while the
// API is out of reach, once there is a lane, and with the outcome reported.
func (l *Library) call(t *flight.Task, f func(context.Context) error) error {
	if err := l.link.check(); err != nil {
		return err
	}
	err := l.lanes.Through(t, func() error { return f(t.Context()) })
	l.link.report(err)
	return err
}
