package evidence_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/veriff/sandbox"
)

// An interrupted export goes on where it was: no file is opened again.
func TestResume(t *testing.T) {
	h := newHouse(t)
	dest := filepath.Join(t.TempDir(), "case")
	plan := h.plan(exhibit.Selection{}, h.ids(2)...)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(map[exhibit.Item]int)
	source := &failing{Source: h.source, after: func(i exhibit.Item) {
		if opened[i]++; len(opened) == 5 {
			cancel()
		}
	}}
	if _, err := evidence.Export(ctx, source, plan, dest, h.options()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dest); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("an unfinished bag has its name:", err)
	}
	// What a torn write may have left of the journal, and one damaged file.
	journal, err := os.OpenFile(filepath.Join(dest+".unfinished", "journal"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.WriteString(`{"item":{"kind":`); err != nil {
		t.Fatal(err)
	}
	journal.Close()
	damaged := slices.Sorted(maps.Keys(files(t, filepath.Join(dest+".unfinished", "bag"))))[0]
	if err := os.WriteFile(filepath.Join(dest+".unfinished", "bag", damaged), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Another request must not be mixed with it.
	other := h.plan(exhibit.Selection{}, h.ids(1)...)
	if _, err := evidence.Export(t.Context(), source, other, dest, h.options()); !errors.Is(err, evidence.ErrOtherRequest) {
		t.Error(err)
	}
	sum, err := evidence.Export(t.Context(), source, plan, dest, h.options())
	if err != nil {
		t.Fatal(err)
	}
	twice := 0
	for _, n := range opened {
		twice += n - 1
	}
	if sum.Again < 3 || twice > 2 { // the damaged one, and the one in which it was interrupted
		t.Errorf("%d were kept, %d opened twice", sum.Again, twice)
	}
	fresh := filepath.Join(t.TempDir(), "case")
	h.export(fresh, exhibit.Selection{}, h.ids(2)...)
	if diff := cmp.Diff(files(t, fresh), files(t, dest)); diff != "" {
		t.Error("an interruption shows in the result:", diff)
	}
}

// Nothing is replaced, and two exports are not mixed.
func TestDestinations(t *testing.T) {
	h := newHouse(t)
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"case", "case.zip", "case.zip.age"} {
		o := h.options()
		if strings.HasSuffix(name, ".age") {
			o.Recipients = []age.Recipient{identity.Recipient()}
		}
		dest := filepath.Join(t.TempDir(), name)
		var nested error
		source := &failing{Source: h.source, after: func(exhibit.Item) {
			_, nested = evidence.Export(t.Context(), h.source, plan, dest, o)
		}}
		if _, err := evidence.Export(t.Context(), source, plan, dest, o); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(nested, evidence.ErrBusy) {
			t.Errorf("%s: a second export at the same time: %v", name, nested)
		}
		if _, err := evidence.Export(t.Context(), h.source, plan, dest, o); !errors.Is(err, evidence.ErrExists) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, encrypted := range map[string]bool{"case.zip": true, "case": true, "case.zip.age": false, "/": false} {
		if evidence.CheckDestination(filepath.Join(t.TempDir(), name), encrypted) == nil && name != "/" {
			t.Errorf("%s with encryption %v is accepted", name, encrypted)
		}
	}
}

// The ending of an archive may be in capitals, and its time must be one of a zip.
func TestArchives(t *testing.T) {
	h := newHouse(t)
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	dest := filepath.Join(t.TempDir(), "CASE.ZIP")
	h.export(dest, exhibit.Selection{}, h.ids(1)...)
	if info, err := os.Stat(dest); err != nil || info.IsDir() {
		t.Error("it is a folder:", err)
	}
	if r := check(t, dest, evidence.VerifyOptions{}); !r.Good() {
		t.Errorf("%+v", r)
	}
	text, err := os.ReadFile(dest)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoiled := range map[string]string{"before": "x" + string(text), "after": string(text) + "x", "a zip before": "PK\x03\x04" + string(text)} {
		if err := os.WriteFile(dest, []byte(spoiled), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := check(t, dest, evidence.VerifyOptions{}); !has(r, evidence.Added, "CASE.ZIP") {
			t.Errorf("bytes %s: %+v", name, r.Problems)
		}
	}
	for year, ok := range map[int]bool{1850: false, 1979: false, 1980: true, 2107: true, 2108: false} {
		o := h.options()
		o.Time = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
		if _, err := evidence.Export(t.Context(), h.source, plan, filepath.Join(t.TempDir(), "case.zip"), o); (err == nil) != ok {
			t.Errorf("%d: %v", year, err)
		}
	}
}

// What has the name of an unfinished export and is none stays as it is.
func TestInTheWay(t *testing.T) {
	h := newHouse(t)
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	header := `{"Format":"veriffs-evidence/1"`
	for name, c := range map[string]struct {
		dest  string
		files map[string]string // beside dest
		ok    bool
	}{
		"a file for an archive":     {"case.zip", map[string]string{"case.zip.unfinished": "precious"}, false},
		"a short file":              {"case.zip", map[string]string{"case.zip.unfinished": "P!"}, false},
		"somebody's archive":        {"case.zip", map[string]string{"case.zip.unfinished": "PK\x03\x04abc"}, false},
		"an empty file":             {"case.zip", map[string]string{"case.zip.unfinished": ""}, false},
		"an archive in a folder":    {"case.zip", map[string]string{"case.zip.unfinished/bag": "PK\x03\x04abc"}, false},
		"a torn archive":            {"case.zip", map[string]string{"case.zip.unfinished/journal": header + "}\n", "case.zip.unfinished/bag": "PK\x03\x04abc"}, true},
		"an archive without header": {"case.zip", map[string]string{"case.zip.unfinished/journal": header, "case.zip.unfinished/bag": "PK\x03\x04abc"}, false},
		"a file for a folder":       {"case", map[string]string{"case.unfinished": "precious"}, false},
		"files in a folder":         {"case", map[string]string{"case.unfinished/mine": "precious"}, false},
		"files in a bag":            {"case", map[string]string{"case.unfinished/bag/mine": "precious"}, false},
		"a journal of another kind": {"case", map[string]string{"case.unfinished/journal": "Monday\n"}, false},
		"a torn one of that":        {"case", map[string]string{"case.unfinished/journal": "Monday"}, false},
		"files without a header":    {"case", map[string]string{"case.unfinished/journal": header, "case.unfinished/bag/mine": "precious"}, false},
		"a torn header":             {"case", map[string]string{"case.unfinished/journal": header}, true},
		"an empty journal":          {"case", map[string]string{"case.unfinished/journal": ""}, true},
	} {
		dir := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := evidence.Export(t.Context(), h.source, plan, filepath.Join(dir, c.dest), h.options())
		if c.ok {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "in the way") {
			t.Errorf("%s: %v", name, err)
		}
		got := files(t, dir)
		for path, text := range c.files {
			if got[path] != text {
				t.Errorf("%s: %s was %q and is %q", name, path, text, got[path])
			}
		}
	}
}

// An archive is written anew after an interruption, and nothing is fetched twice.
func TestResumeArchive(t *testing.T) {
	h := newHouse(t)
	dest := filepath.Join(t.TempDir(), "case.zip")
	plan := h.plan(exhibit.Selection{}, h.ids(2)...)
	ctx, cancel := context.WithCancel(t.Context())
	opened := 0
	source := &failing{Source: h.source, after: func(exhibit.Item) {
		if opened++; opened == 5 {
			cancel()
		}
	}}
	if _, err := evidence.Export(ctx, source, plan, dest, h.options()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(dest)); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	h.export(dest, exhibit.Selection{}, h.ids(2)...)
	for path, n := range h.Requests().ByPath {
		if strings.HasPrefix(path, "/v1/media/") && n > 1 {
			t.Errorf("%s was fetched %d times", path, n)
		}
	}
}

// A session that the API does not know is an error, or missing from a partial export.
func TestUnknownSession(t *testing.T) {
	h := newHouse(t)
	ids := h.ids(2)
	h.DeleteSession(ids[1])
	if _, err := evidence.Prepare(t.Context(), h.source, ids, exhibit.Selection{}, false); err == nil {
		t.Error("a session that is not there is planned")
	}
	plan, err := evidence.Prepare(t.Context(), h.source, ids, exhibit.Selection{}, true)
	if err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "case")
	o := h.options()
	o.Partial = true
	if sum, err := evidence.Export(t.Context(), h.source, plan, dest, o); err != nil || len(sum.Missing) != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	// A document that fails is no document that is not there.
	h.Set(sandbox.Match{Kind: sandbox.Decision}, sandbox.Status(500))
	var lacks *evidence.IncompleteError
	if _, err := evidence.Prepare(t.Context(), newHouseOver(t, h.Sandbox).source, ids[:1], exhibit.Selection{}, false); !errors.As(err, &lacks) {
		t.Error(err)
	}
}

// A document that has changed since the interruption is in the bag as it is now.
func TestResumeAfterAChange(t *testing.T) {
	h := newHouse(t)
	dest := filepath.Join(t.TempDir(), "case")
	id := h.ids(1)[0]
	plan := h.plan(exhibit.Selection{}, id)
	stop := errors.New("stopped")
	_, err := evidence.Export(t.Context(), &failing{Source: h.source, fails: func(i exhibit.Item) error {
		if i.Name == "watchlist-screening.json" { // the last one
			return stop
		}
		return nil
	}}, plan, dest, h.options())
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	const now = `{"verification":{"status":"declined"}}`
	sum, err := evidence.Export(t.Context(), &replaced{h.source, "decision.json", now}, plan, dest, h.options())
	if err != nil || sum.Again == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if got := files(t, dest)["data/"+id.String()+"/api/decision.json"]; got != now {
		t.Errorf("the decision is %s", got)
	}
	if r := check(t, dest, evidence.VerifyOptions{}); !r.Good() {
		t.Errorf("%+v", r)
	}
}

// replaced is a source that has another version of a document.
type replaced struct {
	exhibit.Source
	name, text string
}

func (r *replaced) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	if i.Name != r.name {
		return r.Source.OpenExhibit(ctx, i)
	}
	sum := sha256.Sum256([]byte(r.text))
	return io.NopCloser(strings.NewReader(r.text)), exhibit.Origin{Size: int64(len(r.text)), SHA256: hex.EncodeToString(sum[:])}, nil
}
