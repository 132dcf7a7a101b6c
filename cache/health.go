package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	probeFirst = time.Second
	probeLast  = time.Minute
)

// diskState says what the disk is trusted with.
type diskState int

const (
	diskWell     diskState = iota
	diskNoWrites           // writes failed: new objects stay off the disk, old ones are read
	diskNothing            // reads failed: the disk is left alone
)

// health keeps the state of the disk. A failure bypasses the disk; a probe,
// repeated with back-off, brings it back. Every change of state is one log line.
type health struct {
	c *Cache

	mu    sync.Mutex
	state diskState

	wake chan struct{} // the state has become worse
}

func newHealth(c *Cache) *health {
	return &health{c: c, wake: make(chan struct{}, 1)}
}

func (h *health) get() diskState {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

func (h *health) sick() bool       { return h.get() != diskWell }
func (h *health) unreadable() bool { return h.get() == diskNothing }

// fault takes note of a failed read or write. nil, a mere lack of room within
// the limit and a process short of descriptors are no faults of the disk.
func (h *health) fault(err error, read bool) {
	if err == nil || h.c.ctx.Err() != nil {
		return
	}
	for _, e := range []error{errNoRoom, unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		if errors.Is(err, e) {
			return
		}
	}
	to := diskNoWrites
	if read {
		to = diskNothing
	}
	h.mu.Lock()
	worse := to > h.state
	if worse {
		h.state = to
	}
	h.mu.Unlock()
	if !worse {
		return
	}
	if read {
		h.c.log.Warn("cache: disk bypassed, it can't be read", slog.Any("err", err))
	} else {
		h.c.log.Warn("cache: disk bypassed for new objects, it can't be written", slog.Any("err", err))
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run probes a sick disk until it is well, and waits for the next fault. A
// disk that falls sick again soon is asked less and less often.
func (h *health) run() {
	pause := probeFirst
	for {
		start := time.Now()
		select {
		case <-h.c.ctx.Done():
			return
		case <-h.wake:
		}
		if time.Since(start) > probeLast {
			pause = probeFirst
		}
		for h.sick() {
			select {
			case <-h.c.ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, probeLast)
			if h.probe() == nil {
				h.recover()
			}
		}
	}
}

func (h *health) recover() {
	h.mu.Lock()
	h.state = diskWell
	h.mu.Unlock()
	h.c.log.Info("cache: disk in use again")
	h.c.nudge()
}

// probe does what the cache does: it makes, syncs, reads back and removes a
// file. A directory that was removed or replaced is made and locked anew.
func (h *health) probe() error {
	c := h.c
	if err := c.reopen(); err != nil {
		return err
	}
	d := c.dir.Load()
	if err := d.lay(); err != nil {
		return err
	}
	size := int64(chunkSize)
	switch err := c.reserve(size + slack); {
	case err == nil:
		defer c.index.unreserve(size + slack)
	case errors.Is(err, errNoRoom):
		size = 0 // the limit holds for probes too
	default:
		return err
	}
	const name = tempDir + "/probe"
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	defer d.root.Remove(name)
	want, got := bytes.Repeat([]byte{0xa5}, int(size)), make([]byte, size)
	if _, err := f.WriteAt(want, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return errSeal
	}
	_, err = d.names(".")
	return err
}

// reopen takes a new directory into use if the path does not lead to the one
// that is open any more.
func (c *Cache) reopen() error {
	old := c.dir.Load()
	at, err := os.Lstat(old.path)
	if err == nil {
		is, err := old.root.Stat(".")
		if err == nil && os.SameFile(at, is) {
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	d, err := openDirectory(old.path, old.format)
	if err != nil {
		return err
	}
	c.index.reset()
	c.dir.Store(d)
	old.close()
	if err := c.prepare(d); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	return nil
}
