package erasure

import (
	"testing"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/veriff"
)

var (
	ours, others   = veriff.SessionID{1, 2, 3, 4, 5, 6, 7, 8}, veriff.SessionID{2, 2, 3, 4, 5, 6, 7, 8}
	first, second  = veriff.AttemptID{3, 2, 3, 4, 5, 6, 7, 8}, veriff.AttemptID{4, 2, 3, 4, 5, 6, 7, 8}
	face, document = veriff.MediaID{5, 2, 3, 4, 5, 6, 7, 8}, veriff.MediaID{6, 2, 3, 4, 5, 6, 7, 8}
)

// nothing is known of anybody.
var nothing = knowledge{
	lists: func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (listed, known bool) { return false, false },
	owner: func(veriff.AttemptID) (none veriff.SessionID) { return none },
	held:  func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) bool { return false },
}

func label(session veriff.SessionID, attempt veriff.AttemptID) []byte {
	return store.NewLabel(session, attempt, veriff.Receipt{}).Text()
}

// The rule, case by case: whose an object is, what an erasure is about, whether it goes.
func TestRule(t *testing.T) {
	session := func(d *doomed) { d.sessions[ours] = true }
	attempt := func(d *doomed) { d.attempts[first] = remains{} }
	thinned := func(listed, known bool) func(*doomed) {
		return func(d *doomed) {
			d.thinned[ours] = true
			d.attempts[first] = remains{listed: true, exists: true}
			d.lists = func(veriff.SessionID, veriff.AttemptID, veriff.MediaID) (bool, bool) { return listed, known }
		}
	}
	heldFace := func(d *doomed) {
		d.held = func(_ veriff.SessionID, _ veriff.AttemptID, m veriff.MediaID) bool { return m == face }
	}
	everything := func(d *doomed) { d.everything = true }
	list := store.AttemptList(first)
	for name, c := range map[string]struct {
		key   cache.Key
		label []byte
		about []func(*doomed)
		goes  bool
		left  int // of which is not known whose they are
	}{
		"a file of the session":                  {store.File(face), label(ours, first), []func(*doomed){session}, true, 0},
		"a file of another session":              {store.File(face), label(others, second), []func(*doomed){session}, false, 0},
		"a document of the session":              {store.Document(listing.DocumentID{Session: ours}), label(ours, veriff.AttemptID{}), []func(*doomed){session}, true, 0},
		"the catalog, by all":                    {store.CatalogKey, nil, []func(*doomed){everything}, true, 0},
		"the catalog, by a session":              {store.CatalogKey, nil, []func(*doomed){session}, false, 0},
		"a held file, by its session":            {store.File(face), label(ours, first), []func(*doomed){session, heldFace}, false, 0},
		"a held file, by all":                    {store.File(face), label(ours, first), []func(*doomed){everything, heldFace}, false, 0},
		"a file of the attempt":                  {store.File(face), label(ours, first), []func(*doomed){attempt}, true, 0},
		"the list of the attempt":                {list, label(ours, first), []func(*doomed){attempt}, true, 0},
		"a file of another attempt":              {store.File(face), label(ours, second), []func(*doomed){attempt}, false, 0},
		"a file that is listed no more":          {store.File(face), label(ours, first), []func(*doomed){thinned(false, true)}, true, 0},
		"a file that is still listed":            {store.File(face), label(ours, first), []func(*doomed){thinned(true, true)}, false, 0},
		"a file that may still be listed":        {store.File(face), label(ours, first), []func(*doomed){thinned(false, false)}, false, 0},
		"a lost file of an attempt unknown here": {store.File(face), label(ours, second), []func(*doomed){thinned(false, true)}, true, 0},
		"the list of an attempt that is there":   {list, label(ours, first), []func(*doomed){thinned(false, true)}, false, 0},
		"a file of nobody knows whom":            {store.File(face), label(veriff.SessionID{}, second), []func(*doomed){session}, false, 1},
		"a file of a list, of nobody knows whom": {store.File(face), label(veriff.SessionID{}, second), []func(*doomed){session, func(d *doomed) {
			d.collect(&listing.Listing{Files: []listing.File{{ID: face}}})
		}}, true, 0},
		"a file without a label": {store.File(face), nil, []func(*doomed){session}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoomed(nothing)
			for _, about := range c.about {
				about(d)
			}
			if goes := d.takes(c.key, c.label); goes != c.goes || len(d.unattributed) != c.left {
				t.Errorf("it goes: %v, want %v; not known whose: %d, want %d", goes, c.goes, len(d.unattributed), c.left)
			}
		})
	}
}

// Objects before the one that tells whose an attempt is are taken when they are read
// again.
func TestRuleLearnsAttempts(t *testing.T) {
	d := newDoomed(nothing)
	d.sessions[ours] = true
	nobodys := label(veriff.SessionID{}, first)
	if d.takes(store.File(face), nobodys) || len(d.unattributed) != 1 {
		t.Fatal("a file of an unknown attempt is taken for one of the session")
	}
	if !d.takes(store.File(document), label(ours, first)) {
		t.Fatal("a file of the session stays")
	}
	if !d.takes(store.File(face), nobodys) || len(d.unattributed) != 0 {
		t.Error("the attempt is known to be of the session by now, and its other file stays")
	}
}

// What can't be told lost or listed is to be looked at again.
func TestRuleIsUnsure(t *testing.T) {
	d := newDoomed(nothing)
	d.attempts[first] = remains{listed: true, exists: true}
	if d.takes(store.File(face), label(ours, first)) || !d.unsure {
		t.Errorf("a file of which no listing is known is taken, or given up: unsure %v", d.unsure)
	}
}
