package veriff

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	const canonical = "aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"
	for _, in := range []string{canonical, strings.ToUpper(canonical)} {
		id, err := ParseSessionID(in)
		if err != nil {
			t.Fatalf("ParseSessionID(%q): %v", in, err)
		}
		if id.String() != canonical {
			t.Errorf("ParseSessionID(%q).String() = %q", in, id)
		}
		if hi, lo := id.Halves(); hi != 0xaea9ba6d1b4747fc || lo != 0xa4fcf72b6d3584a7 {
			t.Errorf("Halves = %x, %x", hi, lo)
		}
	}
	for _, in := range []string{
		"", ".", "..", ".DS_Store", canonical + "x", canonical[:35],
		"{" + canonical + "}", "urn:uuid:" + canonical, strings.ReplaceAll(canonical, "-", ""),
		"aea9ba6d/1b47-47fc-a4fc-f72b6d3584a7", "aea9ba6d-1b47-47fc-a4fc-f72b6d3584g7",
		"aea9ba6d-1b47-47fc-a4fc-f72b6d3584\x00a", "----------------a-------------------",
		"00000000-0000-0000-0000-000000000000", "00000000-0000-0001-a4fc-f72b6d3584a7",
		"00000000-0000-00ff-a4fc-f72b6d3584a7",
		"ffffffff-ffff-ffff-a4fc-f72b6d3584a7",
	} {
		if id, err := ParseMediaID(in); !errors.Is(err, ErrNotUUID) || !id.IsZero() {
			t.Errorf("ParseMediaID(%q) = %v, %v; want ErrNotUUID", in, id, err)
		}
	}
}

func TestCompareIsNameOrder(t *testing.T) {
	names := []string{
		"f0000000-0000-4000-8000-000000000000", "0fffffff-0000-4000-8000-000000000000",
		"0fffffff-0000-4000-9000-000000000000", "a0000000-0000-4000-8000-000000000001",
	}
	ids := make([]AttemptID, len(names))
	for i, name := range names {
		ids[i], _ = ParseAttemptID(name)
	}
	slices.Sort(names)
	slices.SortFunc(ids, AttemptID.Compare)
	for i := range ids {
		if ids[i].String() != names[i] {
			t.Fatalf("position %d: %s, want %s", i, ids[i], names[i])
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseSessionID(s)
		if err == nil && id.String() != strings.ToLower(s) {
			t.Errorf("ParseSessionID(%q) = %s", s, id)
		}
	})
}
