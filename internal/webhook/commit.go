package webhook

import (
	"context"
	"errors"
	"fmt"

	"veriffs/veriff"
)

// maxBatch is how many ids are written at once.
const maxBatch = 1000

var errClosed = errors.New("webhook: closed")

// commit is a session id on its way to the disk.
type commit struct {
	id   veriff.SessionID
	done chan error // takes one without waiting
}

// commit returns once the session is on the disk.
func (r *Receiver) commit(ctx context.Context, id veriff.SessionID) error {
	c := commit{id, make(chan error, 1)}
	select {
	case r.commits <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.stop:
		return errClosed
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitAll writes sessions until the Receiver is closed. What arrives during one
// write is written by the next, all at once: a slow disk limits the number of
// writes, not of webhooks.
func (r *Receiver) commitAll() {
	for {
		var batch []commit
		select {
		case c := <-r.commits:
			batch = append(batch, c)
		case <-r.stop:
			return
		}
		for more := true; more && len(batch) < maxBatch; {
			select {
			case c := <-r.commits:
				batch = append(batch, c)
			default:
				more = false
			}
		}
		err := r.write(batch)
		for _, c := range batch {
			c.done <- err
		}
	}
}

func (r *Receiver) write(batch []commit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("webhook: panic: %v", p)
		}
	}()
	ids := make([]veriff.SessionID, len(batch))
	for i, c := range batch {
		ids[i] = c.id
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxCommit)
	defer cancel()
	added, err := r.config.Add(ctx, ids)
	if err == nil {
		r.log.Debug("sessions written", "received", len(ids), "added", added)
	}
	return err
}
