package team_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/team"
)

// later is a rule that is applied after two hours: every lease has expired by then.
func later(maxAge time.Duration, held ...cache.Key) team.Rules {
	return team.Rules{Now: time.Now().Add(2 * time.Hour), MaxAge: maxAge, Held: func(k cache.Key, label []byte) (bool, error) {
		return slices.Contains(held, k) && string(label) == "label of "+string(k), nil
	}}
}

// TestLook counts what is there, and tells of every object.
func TestLook(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	if s, err := team.Look(t.Context(), m.store, nil); err != nil || s.Objects != 0 || !s.Oldest.IsZero() {
		t.Errorf("empty: %+v, %v", s, err)
	}
	for i := range 40 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	m.settled()
	writeFile(t, dir+"/stray", []byte("?"))
	put(t, f, "leases/a", "")
	seen := make(map[cache.Key]int64)
	s, err := team.Look(t.Context(), m.store, func(e cache.Entry) { seen[e.Key] = e.Bytes })
	if err != nil || s.Objects != 41 || s.Leases != 1 || s.Unreadable != 1 || s.Versions != 0 || len(seen) != 40 {
		t.Errorf("%+v, %v; %d were told", s, err, len(seen))
	}
	if s.Bytes != 40*seen["7"]+1 || s.Newest.Before(s.Oldest) || time.Since(s.Oldest) > time.Hour {
		t.Errorf("%+v", s)
	}
}

// TestCollect removes what is too old and not held, and nothing else.
func TestCollect(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	for i := range 10 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	m.settled()
	put(t, f, "leases/a", "")
	writeFile(t, dir+"/stray", []byte("?"))

	young := later(3 * time.Hour)
	young.Now = time.Now()
	if c, err := team.Collect(t.Context(), m.store, young); err != nil || c.Objects+c.Leases != 0 || c.Examined != 10 || c.Unreadable != 1 {
		t.Errorf("nothing is old: %+v, %v", c, err)
	}
	dry := later(time.Hour, "3")
	dry.DryRun = true
	want := team.Collected{Store: f.String(), DryRun: true, Examined: 10, Objects: 9, Leases: 1, Held: 1, Unreadable: 1}
	c, err := team.Collect(t.Context(), m.store, dry)
	want.Bytes = c.Bytes
	if c != want || err != nil || c.Bytes < 9*200_000 || len(objects(t, dir)) != 10 {
		t.Errorf("dry run: %+v, %v; %d are left", c, err, len(objects(t, dir)))
	}
	c, err = team.Collect(t.Context(), m.store, later(time.Hour, "3"))
	want.DryRun = false
	if c != want || err != nil {
		t.Errorf("%+v, want %+v; %v", c, want, err)
	}
	if left := objects(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], m.cache.SharedPaths("3")[0]) {
		t.Errorf("left: %q", left)
	}
	if c, err := team.Collect(t.Context(), m.store, later(time.Hour, "3")); err != nil || c.Objects+c.Leases != 0 || c.Held != 1 {
		t.Errorf("once more: %+v, %v", c, err)
	}
}

// TestCollectLeases: without an age no object is looked at, and leases that may still be
// in use stay.
func TestCollectLeases(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	m.read(m.want("a"))
	m.settled()
	put(t, f, "leases/a", "")
	now := later(0)
	now.Now = time.Now()
	if c, err := team.Collect(t.Context(), m.store, now); err != nil || c.Leases != 0 {
		t.Errorf("a new lease: %+v, %v", c, err)
	}
	if c, err := team.Collect(t.Context(), m.store, later(0)); err != nil || c.Leases != 1 || c.Examined+c.Objects != 0 {
		t.Errorf("an old one: %+v, %v", c, err)
	}
	if len(objects(t, dir)) != 1 {
		t.Error("an object is gone")
	}
}

// TestCollectVersions: of leases no version and no marker is left, and an object that was
// put anew is as old as it is now.
func TestCollectVersions(t *testing.T) {
	g := buckettest.NewGateway(t, true)
	b := g.Open("", "team")
	m := join(t, b)
	m.read(m.want("a"))
	m.read(m.want("b"))
	m.settled()
	path := m.cache.SharedPaths("a")[0]
	if err := b.Drop(t.Context(), path); err != nil { // which leaves a version and a marker
		t.Fatal(err)
	}
	s, err := team.Look(t.Context(), m.store, nil)
	if err != nil || s.Objects != 1 || s.Versions != 1 || s.VersionBytes < 200_000 || s.Leases != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	c, err := team.Collect(t.Context(), m.store, later(0))
	if err != nil || c.Leases != 2 {
		t.Errorf("leases: %+v, %v", c, err)
	}
	if left := files(t, g.Dir, "leases"); len(left) > 0 { // markers
		t.Errorf("left of the leases: %q", left)
	}
	if s, err := team.Look(t.Context(), m.store, nil); err != nil || s.Leases != 0 { // versions
		t.Errorf("left of the leases: %+v, %v", s, err)
	}
	if err := b.Replace(t.Context(), m.cache.SharedPaths("b")[0], strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	c, err = team.Collect(t.Context(), m.store, later(time.Hour))
	if err != nil || c.Objects != 1 || c.Unreadable != 1 || c.Examined != 1 {
		t.Errorf("the dropped one goes, and the replaced one is not judged by what it was: %+v, %v", c, err)
	}
}

// TestCollectWithoutRights: what can't be removed is counted, and is an error.
func TestCollectWithoutRights(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, stubborn{f})
	m.read(m.want("a"))
	m.read(m.want("b"))
	m.settled()
	c, err := team.Collect(t.Context(), m.store, later(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "locked") || c.Failed != 2 || c.Objects != 0 || len(objects(t, dir)) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestCollectEndsWithoutHolds: once it is not known what is held nobody asks again, whatever
// else is too old, and nothing more goes.
func TestCollectEndsWithoutHolds(t *testing.T) {
	f, dir := newFolder(t)
	m := join(t, f)
	for i := range 100 {
		m.read(m.want(cache.Key(fmt.Sprint(i))))
	}
	m.settled()
	unknown, asked := errors.New("out of reach"), 0
	r := later(time.Hour)
	r.Held = func(cache.Key, []byte) (bool, error) {
		if asked++; asked > 3 {
			return false, unknown
		}
		return false, nil
	}
	before := len(files(t, dir, ""))
	c, err := team.Collect(t.Context(), m.store, r)
	if !errors.Is(err, unknown) || asked != 4 || c.Objects != 3 || c.Failed != 0 || before-len(files(t, dir, "")) != 3 {
		t.Errorf("%+v, %v; asked %d times, %d files are left of %d", c, err, asked, len(files(t, dir, "")), before)
	}
}

func put(t *testing.T, b bucket.Bucket, name, text string) {
	t.Helper()
	if err := b.Put(t.Context(), name, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// files are those below a directory whose paths contain a text.
func files(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, text) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
