package writer

import (
	"context"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
)

// Prove is the function of this name, after a checkpoint that covers all records.
func (l *Log) Prove(f accesslog.Filter) (*audit.Proof, error) {
	if err := l.Sign(); err != nil {
		return nil, err
	}
	return audit.Prove(l.options.Path, f, l.options.Key)
}

// Sign writes what waits, makes it durable and signs a checkpoint of it, now.
func (l *Log) Sign() error { return l.queue.do(context.Background(), nil) }
