package writer

import (
	"log/slog"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logtest"
)

// world is a log's directory, and the log in it.
type world struct{ *logtest.World }

func newWorld(t testing.TB) *world { return &world{logtest.New(t)} }

func (w *world) options() Options {
	return Options{Path: w.Path(), Key: w.Key, Common: accesslog.Record{Version: "1.0", Profile: "test"},
		Logger: slog.New(slog.NewTextHandler(&w.Said, nil))}
}

func (w *world) open(change ...func(*Options)) *Log {
	w.T.Helper()
	o := w.options()
	for _, f := range change {
		f(&o)
	}
	l, err := Open(o)
	if err != nil {
		w.T.Fatal(err)
	}
	return l
}

func required(o *Options) { o.Mode = accesslog.Required }
