package command

import (
	"bytes"
	"strings"
	"testing"

	"veriffs/internal/accesslog/audit"
)

// TestSilenceIsNoTampering: a mount that was silent is a warning, and the log is still
// whole.
func TestSilenceIsNoTampering(t *testing.T) {
	var out bytes.Buffer
	r := &audit.Report{Path: "/log", Silences: []audit.Silence{{Mountpoint: "/m\n", From: 3, To: 17, Ended: true, Seconds: 5 * 3600}}}
	if err := writeLogReport(&out, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`WARNING    the mount on /m\n recorded no heartbeat for 5h0m0s, between records 3 and 17`, "verified: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
	if !r.OK() {
		t.Error("not OK")
	}
}
