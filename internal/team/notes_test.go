package team_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/team"
)

// texts are what the notes of a store say, in order.
func (m *member) texts() []string {
	m.t.Helper()
	notes, err := team.Notes(m.t.Context(), m.store)
	if err != nil {
		m.t.Fatal(err)
	}
	var all []string
	for _, n := range notes {
		all = append(all, string(n.Key)+": "+string(n.Text))
	}
	slices.Sort(all)
	return all
}

func (m *member) leave(k cache.Key, text string) {
	m.t.Helper()
	if err := team.PutNote(m.t.Context(), m.store, k, []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

// TestNotes: what a member leaves all read, until it is removed. A note is no object: it
// is not erased, not collected and not counted as one.
func TestNotes(t *testing.T) {
	f, dir := newFolder(t)
	one, two := join(t, f), join(t, f)
	if got := one.texts(); len(got) != 0 {
		t.Errorf("at first: %q", got)
	}
	one.leave("a", "of one")
	two.leave("b", "of two")
	one.leave("a", "of one, again")
	if got, want := two.texts(), []string{"a: of one, again", "b: of two"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for key, want := range map[cache.Key]string{"a": "of one, again", "c": ""} {
		if text, err := team.ReadNote(t.Context(), two.store, key); string(text) != want || err != nil {
			t.Errorf("%s: %q, %v", key, text, err)
		}
	}
	if c, err := team.Collect(t.Context(), one.store, later(time.Nanosecond)); err != nil || c.Objects+c.Leases+c.Unreadable != 0 {
		t.Errorf("collected: %+v, %v", c, err)
	}
	e := one.store.Erase(t.Context(), func(cache.Key, []byte, time.Time) bool { return true }, nil)
	if !e.Proven || e.Examined != 0 || len(e.Erased) != 0 {
		t.Errorf("erased: %+v", e)
	}
	if s, err := team.Look(t.Context(), one.store, func(cache.Entry) { t.Error("a note was told of") }); err != nil || s.Holds != 2 || s.Objects+s.Unreadable != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	sizes := make(map[int]bool)
	for _, path := range files(t, dir, "holds") {
		sizes[len(readFile(t, path))] = true
	}
	if len(sizes) != 1 || !sizes[int(cache.NoteSize)] {
		t.Errorf("sizes: %v", sizes)
	}
	for range 2 {
		if err := team.RemoveNote(t.Context(), one.store, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := two.texts(), []string{"b: of two"}; !slices.Equal(got, want) {
		t.Errorf("afterwards: %q", got)
	}
	if err := team.PutNote(t.Context(), one.store, "c", make([]byte, cache.NoteSize)); err == nil {
		t.Error("a text that is too long is a note")
	}
}

// TestUnreadableNotes: what no secret opens is an error that names it, beside what can be
// read: rubbish, an object of a cache, a note under another name, one of another secret.
func TestUnreadableNotes(t *testing.T) {
	for what, make := range map[string]func(dir string, m *member) string{
		"rubbish": func(string, *member) string { return "?" },
		"nothing": func(string, *member) string { return "" },
		"an object": func(dir string, m *member) string {
			m.read(m.want("k"))
			m.settled()
			return string(readFile(t, filepath.Join(dir, m.cache.SharedPaths("k")[0])))
		},
		"another name": func(dir string, m *member) string {
			return string(readFile(t, files(t, dir, "holds")[0]))
		},
		"another secret": func(dir string, m *member) string {
			f, other := newFolder(t)
			join(t, f, func(o *cache.Options, _ *team.Options) { o.Secrets = [][]byte{[]byte("another")} }).leave("a", "x")
			return string(readFile(t, files(t, other, "holds")[0]))
		},
	} {
		t.Run(what, func(t *testing.T) {
			f, dir := newFolder(t)
			m := join(t, f)
			m.leave("a", "good")
			put(t, f, "holds/0123456789abcdef0123456789abcdef", make(dir, m))
			notes, err := team.Notes(t.Context(), m.store)
			var unreadable *team.UnreadableError
			if !errors.As(err, &unreadable) || len(unreadable.Objects) != 1 || !strings.Contains(err.Error(), f.String()+"/holds/0123456789abcdef0123456789abcdef (") {
				t.Errorf("%v", err)
			}
			if len(notes) != 1 || string(notes[0].Text) != "good" {
				t.Errorf("%+v", notes)
			}
			if s, err := team.Look(t.Context(), m.store, nil); err != nil || s.Holds != 1 || s.UnreadableHolds != 1 || s.Stray != 0 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// TestStrayFilesAmongNotes: what can't be a note by its name is none.
func TestStrayFilesAmongNotes(t *testing.T) {
	f, _ := newFolder(t)
	m := join(t, f)
	m.leave("a", "good")
	for _, name := range []string{".DS_Store", "Thumbs.db", ".nfs000000000001", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdef.bak"} {
		put(t, f, "holds/"+name, "?")
	}
	if got := m.texts(); !slices.Equal(got, []string{"a: good"}) {
		t.Errorf("%q", got)
	}
	if s, err := team.Look(t.Context(), m.store, nil); err != nil || s.Holds != 1 || s.UnreadableHolds != 0 || s.Stray != 5 {
		t.Errorf("%+v, %v", s, err)
	}
}

// with opens a member's cache with these secrets.
func with(secrets ...string) choice {
	return func(o *cache.Options, _ *team.Options) {
		o.Secrets = nil
		for _, s := range secrets {
			o.Secrets = append(o.Secrets, []byte(s))
		}
	}
}

// TestNotesOfTwoSecrets: a note is under the secret that seals alone, and whoever has the
// older one too removes that.
func TestNotesOfTwoSecrets(t *testing.T) {
	f, dir := newFolder(t)
	join(t, f, with("old")).leave("a", "x")
	both := join(t, f, with("new", "old"))
	if text, err := team.ReadNote(t.Context(), both.store, "a"); text != nil || err != nil {
		t.Errorf("sealed with the old secret: %q, %v", text, err)
	}
	both.leave("a", "x")
	if got := join(t, f, with("new")).texts(); !slices.Equal(got, []string{"a: x"}) || len(files(t, dir, "holds")) != 1 {
		t.Errorf("%q, %q", got, files(t, dir, "holds"))
	}
}

// moving is a bucket in which something happens before a note is read.
type moving struct {
	bucket.Bucket
	before func()
}

func (m moving) Head(ctx context.Context, o bucket.Info, n int64) ([]byte, error) {
	m.before()
	return m.Bucket.Head(ctx, o, n)
}

// TestNoteThatIsSealedAnew: who reads the notes while one is sealed with another secret reads
// that one, too. If they never stay as they are, that is an error.
func TestNoteThatIsSealedAnew(t *testing.T) {
	f, _ := newFolder(t)
	join(t, f, with("old")).leave("a", "x")
	writer := join(t, f, with("new", "old"))
	var again sync.Once
	reader := join(t, moving{f, func() { again.Do(func() { writer.leave("a", "x") }) }}, with("new", "old"))
	if got := reader.texts(); !slices.Equal(got, []string{"a: x"}) {
		t.Errorf("%q", got)
	}
	var listed atomic.Int32
	for _, stays := range []bool{true, false} {
		b := vanishing{f, func() string {
			if stays {
				return strings.Repeat("0", 32)
			}
			return fmt.Sprintf("%032d", listed.Add(1))
		}}
		notes, err := team.Notes(t.Context(), join(t, b, with("new")).store)
		if stays && (err != nil || len(notes) != 1) || !stays && err == nil {
			t.Errorf("what is listed and never there, always the same %v: %+v, %v", stays, notes, err)
		}
	}
}

// vanishing is a bucket that also lists a note that is not there.
type vanishing struct {
	bucket.Bucket
	name func() string
}

func (v vanishing) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		if yield(bucket.Info{Name: "holds/" + v.name()}, nil) {
			v.Bucket.List(ctx, prefix)(yield)
		}
	}
}

// TestVersionsOfNotes: in a bucket that keeps versions the newest counts. Where somebody
// has only removed the newest, what it hides counts on. Removed notes leave nothing.
func TestVersionsOfNotes(t *testing.T) {
	g := buckettest.NewGateway(t, true)
	b := g.Open("", "team")
	m := join(t, b)
	m.leave("a", "first")
	m.leave("a", "second")
	if got := m.texts(); !slices.Equal(got, []string{"a: second"}) {
		t.Errorf("%q", got)
	}
	name := files(t, g.Dir, "holds")[0]
	if err := b.Drop(t.Context(), "holds/"+filepath.Base(name)); err != nil {
		t.Fatal(err)
	}
	if got := m.texts(); !slices.Equal(got, []string{"a: first", "a: second"}) {
		t.Errorf("after a plain removal: %q", got)
	}
	if err := team.RemoveNote(t.Context(), m.store, "a"); err != nil {
		t.Fatal(err)
	}
	if got := m.texts(); len(got) > 0 || len(files(t, g.Dir, "holds")) > 0 {
		t.Errorf("left: %q", got)
	}
	if s, err := team.Look(t.Context(), m.store, nil); err != nil || s.Holds != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestNotesOutOfReach: a bucket that is gone is an error, and none that says that there
// are no notes.
func TestNotesOutOfReach(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	m.leave("a", "x")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir + ".away") })
	if notes, err := team.Notes(t.Context(), m.store); err == nil {
		t.Errorf("%+v", notes)
	}
}

// endless is a bucket that lists without an end.
type endless struct{ bucket.Bucket }

func (endless) List(context.Context, string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		for i := 0; yield(bucket.Info{Name: fmt.Sprint("holds/", i)}, nil); i++ {
		}
	}
}

func TestEndlessNotes(t *testing.T) {
	f, _ := newFolder(t)
	if _, err := team.Notes(t.Context(), join(t, endless{f}).store); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// silent is a bucket in a file system that hangs when it is listed.
type silent struct {
	bucket.Bucket
	gate chan struct{}
}

func (s silent) List(context.Context, string) iter.Seq2[bucket.Info, error] {
	<-s.gate
	return func(func(bucket.Info, error) bool) {}
}

// TestNotesThatHang: who asks for notes waits for seconds, whatever hangs.
func TestNotesThatHang(t *testing.T) {
	f, _ := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		b := silent{f, make(chan struct{})}
		m := join(t, b)
		begun := time.Now()
		if _, err := team.Notes(t.Context(), m.store); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Error(err)
		}
		if took := time.Since(begun); took > 20*time.Second { // by the clock of the test
			t.Errorf("it took %v", took)
		}
		close(b.gate)
	})
}
