package writer

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
)

// Log is an open access log. It implements Recorder.
type Log struct {
	options Options
	log     *slog.Logger

	queue    sync.Mutex
	waiting  []entry
	lost     uint64           // records that no log-gap record tells of yet
	refused  uint64           // operations that could not be recorded, likewise
	lostEver uint64           // by this process
	since    time.Time        // of the first of lost or refused
	why      error            // of the last of them
	mount    *accesslog.Mount // of this process, while it is up
	beat     time.Time        // when its next heartbeat is due
	closed   bool

	wake  chan struct{}
	ended chan struct{} // the writer has
	last  error         // of the writer; read after ended

	disk    sync.Mutex // guards what follows; taken before queue, never after it
	store   store
	retire  time.Time // when to look for files to delete
	told    time.Time // of the last complaint
	failing bool

	unwritten    bool      // the last write failed, and none has succeeded since
	toldUnsigned time.Time // of the last complaint about a checkpoint

	external *anchor.Publisher

	condition condition // locked after all others
}

// entry is a record that waits to be written.
type entry struct {
	record *accesslog.Record // nil: a checkpoint is wanted
	done   chan<- error      // nil: nobody waits
}

// Open opens a log, or begins one. What a crash has left is cleared up, and a
// record tells of it. An error is an *Error.
func Open(o Options) (*Log, error) {
	base, err := logfile.BasePath(o.Path)
	if err != nil {
		return nil, &accesslog.Error{Path: o.Path, Err: err, Hint: "name a file or a directory with --access-log"}
	}
	o.Path = base
	if o.Key == nil {
		return nil, &accesslog.Error{Path: base, Err: errors.New("needs the installation's key")}
	}
	if o.Mode == "" {
		o.Mode = accesslog.BestEffort
	}
	if o.MaxFile <= 0 {
		o.MaxFile = defaultMaxFile
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{options: o, log: o.Logger, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	l.store = store{Files: logfile.Files{Base: base}, disk: o.disk, options: &l.options, log: o.Logger,
		anchor: anchor.NewLocal(o.Key, base)}
	l.external = anchor.NewPublisher(o.Anchors, o.Logger)
	if err := l.store.MakeDirectory(); err != nil {
		return nil, l.openError(err)
	}
	if err := l.commit(nil); err != nil {
		l.store.close()
		return nil, l.openError(err)
	}
	l.external.Start()
	go l.run()
	return l, nil
}

func (l *Log) openError(err error) error {
	hint := "veriffs log verify says what is wrong; to begin a new log, move all files of this one to another directory"
	if errors.Is(err, logfile.ErrLocked) {
		hint = "find it with: fuser " + l.store.Lock()
	}
	return &accesslog.Error{Path: l.options.Path, Err: err, Hint: hint}
}

// Path is the log's current file.
func (l *Log) Path() string { return l.options.Path }

// Mode says what a record that can't be written means.
func (l *Log) Mode() accesslog.Mode { return l.options.Mode }

// Record implements Recorder. What r points to belongs to the log from now on.
func (l *Log) Record(r accesslog.Record) error {
	l.fill(&r)
	e := entry{record: &r}
	var done chan error
	if l.options.Mode == accesslog.Required {
		done = make(chan error, 1)
		e.done = done
	}
	l.queue.Lock()
	switch {
	case l.closed:
		l.queue.Unlock()
		return ErrClosed
	case done == nil && len(l.waiting) >= maxQueue:
		l.loseLocked(1, errFull)
		l.queue.Unlock()
		return nil
	}
	l.waiting = append(l.waiting, e)
	l.queue.Unlock()
	l.poke()
	if done == nil {
		return nil
	}
	return <-done
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// loseLocked counts records that are not in the log.
func (l *Log) loseLocked(n int, why error) {
	if l.lost+l.refused == 0 {
		l.since = l.options.Now()
	}
	l.lost += uint64(n)
	l.lostEver += uint64(n)
	l.why = why
}

// Lost is how many records could not be written since Open, with BestEffort.
func (l *Log) Lost() uint64 {
	l.queue.Lock()
	defer l.queue.Unlock()
	return l.lostEver
}

// now writes records at once, with what is lost before them, and returns when they
// are durable. build is called with the log locked and up to date.
func (l *Log) now(build func(*store) []*accesslog.Record) error {
	l.disk.Lock()
	defer l.disk.Unlock()
	return l.commitLocked(func(s *store) ([]*accesslog.Record, bool) { return build(s), true })
}

// verdict is what Record returns when n records could not be written.
func (l *Log) verdict(err error, n int) error {
	if err == nil || l.options.Mode == accesslog.Required {
		return err
	}
	l.queue.Lock()
	l.loseLocked(n, err)
	l.queue.Unlock()
	return nil
}

// Close writes what waits, signs a checkpoint, sends it to the anchors, and returns
// an error if records are lost. It waits for a disk that hangs, but not for ever.
func (l *Log) Close() error {
	l.queue.Lock()
	again := l.closed
	l.closed = true
	l.queue.Unlock()
	if again {
		return ErrClosed
	}
	l.poke()
	select {
	case <-l.ended:
	case <-time.After(closePatience):
		return &accesslog.Error{Path: l.options.Path, Err: errors.New("its disk does not answer")}
	}
	errs := l.last
	l.queue.Lock()
	if l.lost > 0 {
		errs = errors.Join(errs, fmt.Errorf("%d records are lost: %w", l.lost, l.why))
	}
	l.queue.Unlock()
	l.external.Stop()
	if errs != nil {
		return &accesslog.Error{Path: l.options.Path, Err: errs}
	}
	return nil
}
