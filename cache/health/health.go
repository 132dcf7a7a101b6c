// Package health decides when a disk is left alone.
//
// # What it promises
//
// A failed write or read bypasses the disk for writes, or for all. A probe,
// repeated with back-off for as long as it fails, brings it back. Every change
// is one log line.
//
// # What it does not promise
//
// It does no I/O: its users report faults, ask before they touch the disk,
// and supply the probe.
//
// # Concurrency
//
// A [Disk] may be used by any number of goroutines and holds no lock.
package health

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The first pause before a probe, and the longest; they double in between.
const (
	FirstPause = time.Second
	LastPause  = time.Minute
)

// What a disk is trusted with.
const (
	well     int32 = iota
	noWrites       // writes failed: new objects stay off the disk, old ones are read
	nothing        // reads failed: the disk is left alone
)

// Disk is the state of a disk. A new one is well.
type Disk struct {
	ctx    context.Context
	log    *slog.Logger
	benign []error
	state  atomic.Int32
	wake   chan struct{} // the state has become worse
}

// New returns the state of a disk until ctx ends. Errors that are benign are
// no faults of the disk.
func New(ctx context.Context, log *slog.Logger, benign ...error) *Disk {
	// Nor is a directory that was closed, or a process short of descriptors or memory.
	benign = append(benign, fs.ErrClosed, unix.EMFILE, unix.ENFILE, unix.ENOMEM)
	return &Disk{ctx: ctx, log: log, benign: benign, wake: make(chan struct{}, 1)}
}

// Sick reports whether the disk must not be written.
func (d *Disk) Sick() bool { return d.state.Load() != well }

// Unreadable reports whether the disk must not even be read.
func (d *Disk) Unreadable() bool { return d.state.Load() == nothing }

// Fault takes note of a failed read or write; nil is none.
func (d *Disk) Fault(err error, read bool) {
	if err == nil || d.ctx.Err() != nil {
		return
	}
	for _, b := range d.benign {
		if errors.Is(err, b) {
			return
		}
	}
	to, message := noWrites, "cache: disk bypassed for new objects: it can't be written"
	if read {
		to, message = nothing, "cache: disk bypassed: it can't be read"
	}
	for {
		from := d.state.Load()
		if from >= to {
			return
		}
		if d.state.CompareAndSwap(from, to) {
			break
		}
	}
	d.log.Warn(message, slog.Any("error", err))
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run tries a sick disk until it is well, and waits for the next fault. A disk that soon falls sick again is probed less and less often.
func (d *Disk) Run(probe func() error, recovered func()) {
	pause := FirstPause
	for {
		start := time.Now()
		select {
		case <-d.ctx.Done():
			return
		case <-d.wake:
		}
		if time.Since(start) > LastPause {
			pause = FirstPause
		}
		for d.Sick() {
			select {
			case <-d.ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, LastPause)
			d.Try(probe, recovered)
		}
	}
}

// Try probes the disk once, and takes it into use again if that succeeds.
func (d *Disk) Try(probe func() error, recovered func()) {
	if probe() != nil {
		return
	}
	d.state.Store(well)
	d.log.Info("cache: disk in use again")
	recovered()
}
