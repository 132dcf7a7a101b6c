package hold_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"veriffs/internal/hold"
)

// TestNotice: others read what a member writes, whatever was asked for.
func TestNotice(t *testing.T) {
	r := &hold.Record{Session: session, Reason: "claim \"4711\" <é>", By: "ann", Since: time.Unix(1, 2), Until: time.Unix(3, 0)}
	n := r.Notice(hold.Member{Installation: "SHA256:x", Host: "host", Cache: "/c"})
	got, id, err := hold.DecodeNotice(n.Encode())
	if diff := cmp.Diff(n, got); diff != "" || err != nil || id != session {
		t.Errorf("%s, %v\n%s", id, err, diff)
	}
	if n.Expired(time.Unix(2, 0)) || !n.Expired(time.Unix(3, 0)) || (&hold.Notice{}).Expired(time.Now()) {
		t.Error("its time has run out at another moment")
	}
	for _, long := range []string{strings.Repeat("é", 9000), strings.Repeat("\x00", 9000), strings.Repeat("\x80", 9000), strings.Repeat("<\">", 3000)} {
		n := hold.Notice{Session: session.String(), Since: time.Unix(1, 0).UTC(), Reason: long, By: long, Member: hold.Member{Host: long, Installation: long, Cache: long}}
		text := n.Encode()
		got, _, err := hold.DecodeNotice(text)
		if len(text) > 4096 || err != nil || got.Since != n.Since || got.Reason == "" && utf8.ValidString(long) {
			t.Errorf("%.10q: %d bytes, %v", long, len(text), err)
		}
	}
}

// TestIllegibleNotice: what others write gives a terminal no orders.
func TestIllegibleNotice(t *testing.T) {
	n := hold.Notice{Session: session.String(), Since: time.Unix(1, 0), Reason: "\x1b[2Jé\u202e\n", By: "\x07", Member: hold.Member{Host: "\r", Installation: "\x9b", Cache: "\n"}}
	got, _, err := hold.DecodeNotice(n.Encode())
	if err != nil || got.Reason != "\ufffd[2Jé\ufffd\ufffd" || got.By+got.Host+got.Installation+got.Cache != "\ufffd\ufffd\ufffd\ufffd" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWhose names a member as far as it is known.
func TestWhose(t *testing.T) {
	for want, n := range map[string]hold.Member{
		"installation SHA256:x on h": {Installation: "SHA256:x", Host: "h"}, "an unknown installation on h": {Host: "h"},
		"installation SHA256:x": {Installation: "SHA256:x"}, "an unknown installation": {},
	} {
		if got := n.Whose(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzNotice decodes arbitrary bytes: no panic, and what decodes is written as it was
// read.
func FuzzNotice(f *testing.F) {
	f.Add((&hold.Record{Session: session, Reason: "x", Since: time.Unix(1, 0)}).Notice(hold.Member{Installation: "i", Host: "h"}).Encode())
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":1,"session":"?"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, id, err := hold.DecodeNotice(b)
		if err != nil {
			return
		}
		again, same, err := hold.DecodeNotice(n.Encode())
		if err != nil || same != id || !again.Since.Equal(n.Since) {
			t.Fatalf("%+v, %+v, %v", n, again, err)
		}
	})
}
