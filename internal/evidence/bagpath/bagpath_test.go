package bagpath_test

import (
	"testing"

	"veriffs/internal/evidence/bagpath"
)

func TestCollisions(t *testing.T) {
	for _, c := range []struct {
		paths []string
		ok    bool
	}{
		{[]string{"data/a", "data/b", "data/a/c", "data/b"}, true},
		{[]string{"data/a", "data/A"}, false},
		{[]string{"data/a/x", "Data/b"}, false},
		{[]string{"data/\u00e9", "data/e\u0301"}, false},
		{[]string{"data/stra\u00dfe", "data/strasse"}, false},
	} {
		same := make(bagpath.Collisions)
		ok := true
		for _, p := range c.paths {
			ok = ok && same.Add(p) == nil
		}
		if ok != c.ok {
			t.Errorf("%q: %v", c.paths, ok)
		}
	}
}

func TestCheck(t *testing.T) {
	for p, ok := range map[string]bool{
		"data/x": true, "data/a b": true, "data/Zürich": true, "": false, "..": false, "../x": false, "a/../../x": false,
		"/x": false, "data//x": false, "data/x/": false, `data\x`: false, "C:x": false, "a\nb": false, "a\xff": false,
	} {
		if err := bagpath.Check(p); (err == nil) != ok {
			t.Errorf("%q: %v", p, err)
		}
	}
}
