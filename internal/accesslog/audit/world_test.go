package audit_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/logtest"
	"veriffs/internal/accesslog/writer"
)

// small makes a closed log of a few files, with an erased record.
func small(t testing.TB) (w *world, erased int64) { return withErased(t, 4, 700) }

// tiny makes one with three records in a file.
func tiny(t testing.TB) (w *world, erased int64) { return withErased(t, 2, 0) }

func withErased(t testing.TB, records int, maxFile int64) (w *world, erased int64) {
	t.Helper()
	w = newWorld(t)
	session := logtest.Session(records - 2)
	l := w.open(func(o *writer.Options) {
		o.Mode = accesslog.Required
		o.MaxFile = maxFile
		o.Common = accesslog.Record{}
	})
	for i := range records {
		if err := l.Record(t.Context(), accesslog.Record{Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: logtest.Session(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := l.Erase(session, "asked", accesslog.Record{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.Close(l)
	r := w.Verifies()
	if r.Erased != 1 || r.Records != r.Signed {
		t.Fatalf("%+v", r)
	}
	for name, text := range w.State() {
		if i := strings.Index(string(text), `,"erased_by":`); i >= 0 {
			begin := strings.LastIndex(string(text[:i]), "\n") + 1
			return w, logfile.SequenceOf(text[begin:])
		} else if strings.Contains(string(text), session) {
			t.Errorf("%s still names the session", name)
		}
	}
	t.Fatal("no record was erased")
	return nil, 0
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a log's directory, and the log in it.
type world struct{ *logtest.World }

func newWorld(t testing.TB) *world { return &world{logtest.New(t)} }

func (w *world) options() writer.Options {
	return writer.Options{Path: w.Path(), Key: w.Key, Common: accesslog.Record{Version: "1.0", Profile: "test"}}
}

func (w *world) open(change ...func(*writer.Options)) *writer.Log {
	w.T.Helper()
	o := w.options()
	for _, f := range change {
		f(&o)
	}
	l, err := writer.Open(o)
	if err != nil {
		w.T.Fatal(err)
	}
	return l
}

func required(o *writer.Options) { o.Mode = accesslog.Required }
