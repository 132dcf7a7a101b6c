package hold_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/hold"
	"veriffs/veriff"
)

var (
	session  = veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}
	attempt  = veriff.AttemptID{2, 2, 3, 4, 5, 6, 7, 8}
	newest   = veriff.AttemptID{3, 2, 3, 4, 5, 6, 7, 8}
	front    = hold.File{ID: veriff.MediaID{4, 2, 3, 4, 5, 6, 7, 8}, Context: "document-front", MIMEType: "image/jpeg", Size: 5}
	face     = hold.File{ID: veriff.MediaID{5, 2, 3, 4, 5, 6, 7, 8}, Context: "face", MIMEType: "image/jpeg", Size: -1}
	morning  = time.Unix(1_790_000_000, 0).UTC()
	evening  = morning.Add(12 * time.Hour)
	tomorrow = morning.Add(24 * time.Hour)
)

// disk keeps records in memory, as they are written down.
type disk struct {
	text map[veriff.SessionID][]byte
	err  error
	drop error // of Drop
}

func (d *disk) Keep(r *hold.Record) error {
	if d.err == nil {
		d.text[r.Session] = r.Encode()
	}
	return d.err
}

func (d *disk) Kept(id veriff.SessionID) (*hold.Record, error) {
	if d.text[id] == nil {
		return nil, nil
	}
	return hold.Decode(d.text[id])
}

func (d *disk) Drop(id veriff.SessionID) error {
	if d.drop == nil {
		delete(d.text, id)
	}
	return d.drop
}

func newSet(t *testing.T) (*hold.Set, *disk) {
	t.Helper()
	d := &disk{text: make(map[veriff.SessionID][]byte)}
	s := hold.NewSet(d, nil, nil)
	if _, err := s.Add(session, "claim", "ann", tomorrow, morning); err != nil {
		t.Fatal(err)
	}
	return s, d
}

func learn(t *testing.T, s *hold.Set, what ...hold.Learn) bool {
	t.Helper()
	changed, err := s.Learn(session, what...)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// What is learnt is written down, and read back by the next process.
func TestRecordsLast(t *testing.T) {
	s, d := newSet(t)
	learn(t, s,
		hold.Attempts([]veriff.Attempt{{ID: newest, Created: morning}, {ID: attempt}}, true, morning),
		hold.Files(newest, []hold.File{face, front}, false, morning), hold.Files(veriff.AttemptID{}, []hold.File{face}, false, morning),
		hold.AttemptGone(attempt, evening), hold.FileGone(face.ID, evening), hold.DocumentGone("person", evening), hold.Whole(evening))
	r, err := hold.Decode(d.text[session])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Of(session), r); diff != "" {
		t.Error(diff)
	}
	if !r.Changed().Equal(evening) || r.Expired(evening) || !r.Expired(tomorrow) {
		t.Errorf("%+v", r)
	}
	again := hold.NewSet(d, []*hold.Record{r}, nil)
	for name, owner := range map[string]*hold.Record{
		"session": again.Owner(session, veriff.AttemptID{}, veriff.MediaID{}),
		"attempt": again.Owner(veriff.SessionID{}, attempt, veriff.MediaID{}),
		"file":    again.Owner(veriff.SessionID{}, veriff.AttemptID{}, front.ID),
	} {
		if owner == nil || owner.Session != session {
			t.Errorf("by its %s: %+v", name, owner)
		}
	}
	if again.Owner(veriff.SessionID{}, veriff.AttemptID{}, veriff.MediaID{}) != nil {
		t.Error("nobody's things are held")
	}
	if _, err := again.Release(session); err != nil || len(d.text) != 0 || again.Len() != 0 || again.Owner(session, attempt, front.ID) != nil {
		t.Errorf("released: %v, %v", err, d.text)
	}
	if _, err := again.Release(session); !errors.Is(err, hold.ErrNone) {
		t.Error("twice:", err)
	}
}

// Nothing that was known is forgotten, and only what is proven is gone.
func TestLearning(t *testing.T) {
	s, _ := newSet(t)
	both := []hold.File{face, front}
	learn(t, s, hold.Attempts([]veriff.Attempt{{ID: attempt, Created: morning}}, true, morning), hold.Files(attempt, both, true, morning))
	if learn(t, s, hold.Attempts([]veriff.Attempt{{ID: attempt, Created: morning}}, true, evening), hold.Files(attempt, both, true, evening)) {
		t.Error("the same once more is news")
	}
	gone := func(id veriff.MediaID) time.Time { return s.Of(session).FileGone(id) }

	learn(t, s, hold.Files(attempt, []hold.File{front}, false, evening))
	if !gone(face.ID).IsZero() {
		t.Error("a listing that proves nothing made a file gone")
	}
	learn(t, s, hold.Files(attempt, []hold.File{front}, true, evening))
	learn(t, s, hold.Files(attempt, nil, true, tomorrow))
	if !gone(face.ID).Equal(evening) || !gone(front.ID).Equal(tomorrow) {
		t.Errorf("gone since %v and %v", gone(face.ID), gone(front.ID))
	}
	learn(t, s, hold.Files(attempt, []hold.File{face}, true, tomorrow))
	if !gone(face.ID).IsZero() {
		t.Error("a file that came back is gone")
	}

	learn(t, s, hold.Attempts([]veriff.Attempt{{ID: newest}}, false, evening))
	if r := s.Of(session); len(r.Attempts) != 2 || r.Attempts[0].ID != newest || !r.AttemptGone(attempt).IsZero() {
		t.Errorf("%+v", r)
	}
	learn(t, s, hold.Attempts([]veriff.Attempt{{ID: newest}}, true, evening))
	if r := s.Of(session); len(r.Attempts[1].Files) != 2 || !r.AttemptGone(attempt).Equal(evening) || !gone(face.ID).Equal(evening) {
		t.Errorf("%+v", r)
	}
	learn(t, s, hold.SessionGone(morning))
	if r := s.Of(session); !r.AttemptGone(newest).Equal(morning) || !r.GoneDocument("media").Equal(morning) || !gone(face.ID).Equal(morning) {
		t.Errorf("%+v", r)
	}
	if learn(t, s, hold.SessionGone(evening)) {
		t.Error("that it is gone is news twice")
	}
	learn(t, s, hold.SessionThere())
	if r := s.Of(session); !r.Gone.IsZero() || !r.GoneDocument("media").IsZero() {
		t.Errorf("%+v", r)
	}
	if changed, err := s.Learn(veriff.SessionID{9}, hold.SessionGone(morning)); changed || err != nil {
		t.Error("something was learnt of a session that is not held")
	}
}

// A hold that can't be written down is none, or stands as it was; one that can't be
// removed stands.
func TestBadDisk(t *testing.T) {
	s, d := newSet(t)
	d.err = errors.New("no space left on device")
	other := veriff.SessionID{9, 9, 9, 9, 9, 9, 9, 9}
	if _, err := s.Add(other, "x", "", time.Time{}, morning); !errors.Is(err, d.err) || s.Of(other) != nil {
		t.Errorf("%v: it counts as a hold, and would be lost", err)
	}
	if _, err := s.Add(session, "x", "", time.Time{}, morning); !errors.Is(err, d.err) || s.Of(session).Reason != "claim" || len(d.text) != 1 {
		t.Errorf("%v: %+v", err, s.Of(session))
	}
	d.text[other] = []byte("damaged")
	s.Mend(errors.New("a record can't be read"))
	if _, err := s.Add(other, "x", "", time.Time{}, morning); !errors.Is(err, d.err) || d.text[other] == nil {
		t.Errorf("%v: what can't be read was dropped", err)
	}
	s.Mend(nil)
	d.drop = errors.New("input/output error")
	if _, err := s.Add(other, "x", "", time.Time{}, morning); !errors.Is(err, d.err) || s.Of(other) == nil {
		t.Errorf("%v: it may be on the disk, and is not held", err)
	}
	if _, err := s.Learn(session, hold.SessionGone(morning)); !errors.Is(err, d.err) || s.Of(session).Gone.IsZero() {
		t.Error(err)
	}
	if _, err := s.Release(session); !errors.Is(err, d.drop) || s.Of(session) == nil {
		t.Error(err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	s, _ := newSet(t)
	good := string(s.Of(session).Encode())
	for name, text := range map[string]string{
		"no JSON":         "x",
		"a newer version": strings.Replace(good, `"version":1`, `"version":2`, 1),
		"no session":      strings.Replace(good, session.String(), "x", 1),
		"another attempt": strings.Replace(good, `"since"`, `"attempts":[{"id":"x"}],"since"`, 1),
		"another file":    strings.Replace(good, `"since"`, `"attempts":[{"files":[{"id":"x"}]}],"since"`, 1),
	} {
		if r, err := hold.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestEmptied(t *testing.T) {
	const full = `{"status":"success","verification":{"id":"x"}}`
	for now, want := range map[string]bool{
		full: false,
		`{"status":"success","verification":null}`:               true,
		`{"status":"success"}`:                                   true,
		`{"verification":{"id":"y"},"status":"success","new":1}`: false,
		`x`: false,
	} {
		if got := hold.Emptied([]byte(full), []byte(now)); got != want {
			t.Errorf("%s: %v", now, got)
		}
	}
	for _, tt := range []struct {
		was, now string
		want     bool
	}{
		{`{"person":{"name":"A"}}`, `{"person":{}}`, true},
		{`{"person":{"name":"A","born":"1990"}}`, `{"person":{"name":"A","born":""}}`, true},
		{`{"person":{"name":"A","born":"1990"}}`, `{"person":{"name":"A"}}`, true},
		{`{"verifications":[{"id":"x"}]}`, `{"verifications":[]}`, true},
		{`{"images":[{"id":"x"},{"id":"y"}]}`, `{"images":[{"id":"y"}]}`, true},
		{`{"images":[{"id":"x","context":"face"}]}`, `{"images":[{"id":"x","context":null}]}`, true},
		{`{"images":[{"id":"x"}]}`, `{"images":[{"id":"x"},{"id":"y"}]}`, false},
		{`{"person":{"labels":["a","b"]}}`, `{"person":{"labels":["b"]}}`, false},
		{`{"person":{"n":1,"ok":true}}`, `{"person":{"n":0,"ok":false}}`, false},
		{`{"person":{},"list":[],"s":""}`, `{}`, false},
		{`{"a":1}`, `null`, true},
		{`{"verification":{"attemptId":"x","reason":"r"}}`, `{"verification":{"attemptId":"y","reason":null}}`, false},
	} {
		if got := hold.Emptied([]byte(tt.was), []byte(tt.now)); got != tt.want {
			t.Errorf("%s, then %s: %v", tt.was, tt.now, got)
		}
	}
	if hold.Emptied([]byte(`{"verification":null}`), []byte(`{"verification":null}`)) {
		t.Error("what was null is emptied")
	}
}

func TestReport(t *testing.T) {
	s, _ := newSet(t)
	if r := s.Of(session).Report(); r.Gone != nil || r.Reason != "claim" || r.By != "ann" || !r.Until.Equal(tomorrow) {
		t.Errorf("%+v", r)
	}
	learn(t, s, hold.Files(attempt, []hold.File{face, front}, false, morning), hold.FileGone(face.ID, evening), hold.DocumentGone("person", evening))
	want := &hold.Gone{
		Files:     []hold.GoneID{{ID: face.ID.String(), Attempt: attempt.String(), Context: "face", Since: evening}},
		Documents: []hold.GoneID{{ID: "person.json", Since: evening}},
	}
	r := s.Of(session).Report()
	if diff := cmp.Diff(want, r.Gone); diff != "" || r.Attempts != 1 || r.Files != 2 {
		t.Errorf("%+v: %s", r, diff)
	}
}

// TestOlder: the newer record keeps its reason and its end, and gets what only the older
// one knows, once.
func TestOlder(t *testing.T) {
	gone := front
	gone.Gone = evening
	older := &hold.Record{
		Session: session, Reason: "claim", Since: morning, Until: evening, Complete: evening,
		Attempts:  []hold.Attempt{{ID: newest, Files: []hold.File{gone, face}}, {ID: attempt, Gone: evening}},
		Documents: []hold.Document{{Name: "decision", Gone: evening}},
	}
	for name, c := range map[string]struct {
		knows        []hold.Attempt
		want         []hold.Attempt
		wantComplete time.Time
	}{
		"nothing": {nil, older.Attempts, evening},
		"another file of the newest attempt": {
			[]hold.Attempt{{ID: newest, Files: []hold.File{front}}},
			[]hold.Attempt{{ID: newest, Files: []hold.File{front, face}}, older.Attempts[1]}, time.Time{},
		},
	} {
		r := &hold.Record{Session: session, Reason: "again", Since: evening, Attempts: c.knows}
		if !hold.Older(older)(r) || hold.Older(older)(r) {
			t.Errorf("%s: it is not news once", name)
		}
		want := &hold.Record{
			Session: session, Reason: "again", Since: morning, Complete: c.wantComplete, Attempts: c.want, Documents: older.Documents,
		}
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
