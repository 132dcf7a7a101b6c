package evidence

import (
	"crypto/hmac"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"veriffs/internal/evidence/sheet"
	"veriffs/internal/exhibit"
	"veriffs/veriff"

	"github.com/dustin/go-humanize/english"
)

// tally counts files by what was found out about Veriff's signatures of them.
type tally struct {
	by      map[string]int // the id of the secret that signed
	others  map[string]int // the id of the secret that the record names; it is not at hand
	without int            // the record has no signature
}

// signed compares a file with Veriff's signature of it in a record.
func (v *verification) signed(record string, f *FileRecord) {
	made, whole := v.macs[f.Path]
	if f.Kind == exhibit.Hold || len(v.Secrets) == 0 || !whole { // who wrote hold.json is veriffs
		return
	}
	signature, err := hex.DecodeString(f.Signature)
	i := slices.IndexFunc(made, func(mac []byte) bool { return hmac.Equal(mac, signature) })
	switch {
	case f.Signature == "":
		v.tally.without++
	case i >= 0:
		v.tally.by[veriff.SecretID(v.Secrets[i])]++
	case err != nil || slices.ContainsFunc(v.Secrets, func(s string) bool { return veriff.SecretID(s) == f.SecretID }):
		v.report.wrong(Invalid, f.Path, "the signature of Veriff that "+record+" has does not fit it")
	default:
		v.tally.others[f.SecretID]++
	}
}

// signatures says which of Veriff's signatures were checked. To others that proves
// nothing, with the secret or without.
func (v *verification) signatures() {
	const only = "it is an HMAC, and whoever can check it could have made it"
	if len(v.Secrets) == 0 {
		v.report.notChecked("signature of Veriff: no secret is at hand; " + only)
		return
	}
	t := &v.tally
	for _, id := range slices.Sorted(maps.Keys(t.by)) {
		v.report.checked("signature of Veriff on %s, with the secret id %s: %s", english.Plural(t.by[id], "file", ""), id, only)
	}
	for _, id := range slices.Sorted(maps.Keys(t.others)) {
		name := sheet.Printable(strings.TrimSpace(id))
		if name == "" {
			name = "that is not named"
		}
		v.report.notChecked("signature of Veriff on " + english.Plural(t.others[id], "file", "") + ": the secret with the id " + name + " is not at hand")
	}
	if t.without > 0 {
		v.report.notChecked("whether Veriff signed " + english.Plural(t.without, "file", "") + ": the record has no signature")
	}
	if len(t.by)+len(t.others)+t.without == 0 {
		v.report.notChecked("signature of Veriff: no record.json has one")
	}
}
