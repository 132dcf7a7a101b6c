package access_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"veriffs/internal/access"
)

// TestAdmit: whoever is not named stays out, root included, and so does whose groups
// are not known.
func TestAdmit(t *testing.T) {
	const owner, ann, other, team, staff = 500, 1001, 1002, 2001, 2002
	unknown := errors.New("/proc is hidden")
	none := access.NewReaders(owner, nil, nil)
	users := access.NewReaders(owner, []uint32{1003, ann}, nil)
	groups := access.NewReaders(owner, nil, []uint32{2003, team})
	for i, test := range []struct {
		readers  *access.Readers
		uid, gid uint32
		groups   []uint32
		err      error // of the groups
		want     bool
		asked    bool // for the groups
	}{
		{readers: nil, uid: other, want: true},
		{readers: nil, uid: 0, want: true},
		{readers: none, uid: owner, want: true},
		{readers: none, uid: 0},
		{readers: none, uid: ann, gid: team},
		{readers: none, uid: 4294967295, gid: 4294967295},
		{readers: users, uid: ann, err: unknown, want: true},
		{readers: users, uid: 1003, want: true},
		{readers: users, uid: other, gid: ann, groups: []uint32{ann}},
		{readers: users, uid: 0},
		{readers: groups, uid: other, gid: team, err: unknown, want: true},
		{readers: groups, uid: other, gid: staff, groups: []uint32{staff, team}, want: true, asked: true},
		{readers: groups, uid: other, gid: staff, groups: []uint32{staff}, asked: true},
		{readers: groups, uid: other, gid: staff, asked: true},
		{readers: groups, uid: team, gid: staff, groups: []uint32{ann}, asked: true},
		{readers: groups, uid: other, gid: staff, groups: []uint32{team}, err: unknown, asked: true},
		{readers: groups, uid: 0, gid: 0, groups: []uint32{0}, asked: true},
		{readers: groups, uid: owner, gid: staff, err: unknown, want: true},
		{readers: access.NewReaders(owner, []uint32{0}, nil), uid: 0, want: true},
	} {
		asked := false
		err := test.readers.Admit(test.uid, test.gid, func() ([]uint32, error) { asked = true; return test.groups, test.err })
		if (err == nil) != test.want || asked != test.asked || err != nil && !errors.Is(err, access.ErrNotAllowed) {
			t.Errorf("%d: %v, asked for groups: %v", i, err, asked)
		}
		if test.asked && test.err != nil && !errors.Is(err, unknown) {
			t.Errorf("%d: %v does not say why", i, err)
		}
	}
}

func TestIDs(t *testing.T) {
	lookup := func(name string) (string, error) {
		switch name {
		case "ann":
			return "1001", nil
		case "odd":
			return "S-1-5-21", nil
		}
		return "", fmt.Errorf("unknown %s", name)
	}
	for _, test := range []struct {
		names []string
		want  []uint32
		err   string
	}{
		{[]string{"ann", " 12 ", "", "0"}, []uint32{1001, 12, 0}, ""},
		{[]string{"4294967294"}, []uint32{4294967294}, ""},
		{nil, nil, ""},
		{[]string{"ann", "bob"}, nil, "unknown bob"},
		{[]string{"-1"}, nil, "unknown -1"},
		{[]string{"4294967296"}, nil, "unknown 4294967296"},
		{[]string{"4294967295"}, nil, "4294967295 is nobody's id"},
		{[]string{"odd"}, nil, `odd has the id "S-1-5-21", which is no number`},
	} {
		got, err := access.IDs(test.names, lookup)
		if !slices.Equal(got, test.want) || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("%q: %v, %v", test.names, got, err)
		}
	}
}

// TestBudget: never more than the budget in any stretch of time, each user for itself.
func TestBudget(t *testing.T) {
	b := access.NewBudget(3, time.Minute)
	start := time.Now()
	for i, step := range []struct {
		uid      uint32
		after    time.Duration
		ok, news bool
	}{
		{1, 0, true, false},
		{1, 10 * time.Second, true, false},
		{1, 20 * time.Second, true, false},
		{1, 59 * time.Second, false, true},
		{1, 59 * time.Second, false, false},
		{2, 59 * time.Second, true, false}, // somebody else
		{1, 60 * time.Second, true, false}, // the first has passed
		{1, 61 * time.Second, false, false},
		{1, 70 * time.Second, true, false}, // what was refused did not count
		{1, 79 * time.Second, false, false},
		{1, 80 * time.Second, true, false},
		{1, 119 * time.Second, false, true}, // a minute since it was news
		{1, 10 * time.Minute, true, false},
		{1, 10 * time.Minute, true, false},
		{1, 10 * time.Minute, true, false},
		{1, 10 * time.Minute, false, true},
	} {
		if ok, news := b.Spend(step.uid, start.Add(step.after)); ok != step.ok || news != step.news {
			t.Errorf("step %d: %v, %v", i, ok, news)
		}
	}
}

// TestBudgetForgets: users whose time has passed take no memory.
func TestBudgetForgets(t *testing.T) {
	b := access.NewBudget(2, time.Minute)
	start := time.Now()
	for uid := range uint32(1000) {
		b.Spend(uid, start.Add(2*time.Minute))
	}
	b.Spend(7, start.Add(3*time.Minute+30*time.Second))
	b.Spend(8, start.Add(3*time.Minute+30*time.Second))
	b.Spend(5000, start.Add(4*time.Minute))
	if n := access.Users(b); n != 3 {
		t.Errorf("%d users are remembered", n)
	}
	if ok, _ := b.Spend(7, start.Add(4*time.Minute)); !ok {
		t.Error("the first of two is refused")
	}
	if ok, _ := b.Spend(7, start.Add(4*time.Minute)); ok {
		t.Error("what counts was forgotten")
	}
}

func TestParseBudget(t *testing.T) {
	for text, want := range map[string]bool{
		"500/10m": true, "1/1s": true, "100000/744h": true, "20/1h30m": true, "2000/1d": true, "1/31d": true,
		"": false, "500": false, "500/": false, "/10m": false, "0/10m": false, "-1/10m": false, "500/0": false, "500/10": false, "500/999ms": false, "500/745h": false,
		"100001/1h": false, "5e2/10m": false, "500/10m/2": false, "500/-10m": false, "500 / 10m": false, "500/10m ": false, "500/32d": false, "500/d": false, "500/0d": false, "500/-1d": false,
	} {
		b, err := access.ParseBudget(text)
		if (err == nil) != want || err == nil && b.String() != text {
			t.Errorf("%q: %v, %v", text, b, err)
		}
	}
}
