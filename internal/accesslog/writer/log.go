package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
)

// Log is an open access log. It implements Recorder.
type Log struct {
	options Options
	log     *slog.Logger
	queue   *queue

	ended chan struct{} // the writer has
	last  error         // of the writer; read after ended

	disk         sync.Mutex // guards what follows; taken before the queue's, never after it
	store        store
	retire       time.Time // when to look for files to delete
	toldUnsigned time.Time // of the last complaint about a checkpoint

	external  *anchor.Publisher
	condition condition // locked after all others
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
	l := &Log{options: o, log: o.Logger, queue: newQueue(o.Now), ended: make(chan struct{})}
	l.condition = condition{options: &l.options}
	l.store = store{Files: logfile.Files{Base: base}, tree: tree{disk: o.disk, log: o.Logger}, options: &l.options, anchor: anchor.NewLocal(o.Key, base)}
	l.external = anchor.NewPublisher(o.Anchors, o.Logger)
	if err := l.store.MakeDirectory(); err != nil {
		return nil, openError(l.store.Files, err)
	}
	l.store.awaitSigned()
	if err := l.commit(); err != nil {
		l.store.close()
		return nil, openError(l.store.Files, err)
	}
	l.external.Start()
	go l.run()
	return l, nil
}

// openError says what to do about a log that can't be opened.
func openError(files logfile.Files, err error) error {
	hint := "veriffs log verify says what is wrong; to begin a new log, move all files of this one to another directory"
	var errno syscall.Errno
	switch {
	case errors.Is(err, logfile.ErrLocked):
		hint = "find it with: fuser " + files.Lock()
	case errors.Is(err, logfile.ErrForeign):
		hint = "keep the log in a directory where nobody else can write; chown a log that was restored from a backup"
	case errors.Is(err, logfile.ErrSignature):
		hint = "name the file of the key with which the log was begun with --installation-key; to begin a new log, move all files of this one to another directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "make room on its disk"
	case errors.As(err, &errno):
		hint = "--access-log must name a place where this user can write"
	}
	return &accesslog.Error{Path: files.Base, Err: err, Hint: hint}
}

// Path is the log's current file.
func (l *Log) Path() string { return l.options.Path }

// Mode says what a record that can't be written means.
func (l *Log) Mode() accesslog.Mode { return l.options.Mode }

// Record implements Recorder. What r points to belongs to the log from now on.
func (l *Log) Record(ctx context.Context, r accesslog.Record) error {
	l.fill(&r)
	if l.options.Mode == accesslog.Required {
		return l.queue.do(ctx, &r)
	}
	return l.queue.put(&r)
}

// Lost is how many records could not be written since Open, with BestEffort.
func (l *Log) Lost() uint64 { return l.queue.lostEver() }

// verdict is what Record returns when one record could not be written.
func (l *Log) verdict(err error) error {
	if err == nil || l.options.Mode == accesslog.Required {
		return err
	}
	l.queue.miss(missed{lost: 1}, err)
	return nil
}

// Close writes what waits, signs a checkpoint, sends it to the anchors, and returns
// an error if records are lost. It waits for a disk that hangs, but not for ever.
func (l *Log) Close() error {
	if l.queue.close() {
		return ErrClosed
	}
	select {
	case <-l.ended:
	case <-time.After(closePatience):
		return &accesslog.Error{Path: l.options.Path, Err: errors.New("its disk does not answer")}
	}
	errs := l.last
	if gone, _, why := l.queue.untold(); gone.lost > 0 {
		errs = errors.Join(errs, fmt.Errorf("%d records are lost: %w", gone.lost, why))
	}
	l.external.Stop()
	if errs != nil {
		return &accesslog.Error{Path: l.options.Path, Err: errs}
	}
	return nil
}
