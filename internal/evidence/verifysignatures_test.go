package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/veriff"
)

// Veriff's signatures are checked with a secret that is at hand. Without it, or with
// another one, the bag is as good, and the report says what was not checked.
func TestVerifySignatures(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	h.export(bag, exhibit.Selection{}, h.ids(2)...)
	id := veriff.SecretID(h.Secrets()[0])
	for name, c := range map[string]struct {
		secrets             []string
		checked, notChecked string
	}{
		"the secret":      {h.Secrets()[:1], " files, with the secret id " + id, ""},
		"it among others": {[]string{"another", h.Secrets()[0]}, " files, with the secret id " + id, ""},
		"another":         {[]string{"another"}, "", " files: the secret with the id " + id + " is not at hand"},
		"none":            {nil, "", ": no secret is at hand; it is an HMAC"},
	} {
		r := check(t, bag, evidence.VerifyOptions{Secrets: c.secrets})
		if !r.Good() {
			t.Errorf("%s: %v", name, r.Problems)
		}
		for list, want := range map[string]string{strings.Join(r.Checked, "\n"): c.checked, strings.Join(r.NotChecked, "\n"): c.notChecked} {
			if said := strings.Contains(list, "signature of Veriff"); said != (want != "") || !strings.Contains(list, want) {
				t.Errorf("%s: not %q: %s", name, want, list)
			}
		}
	}
}

// Bytes that Veriff did not sign show to those who have the secret, however consistent
// the bag is.
func TestVerifyForgedBytes(t *testing.T) {
	h := newHouse(t)
	bag := filepath.Join(t.TempDir(), "case")
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	if _, err := evidence.Export(t.Context(), &forger{Source: h.source}, plan, bag, h.options()); err != nil {
		t.Fatal(err)
	}
	if r := check(t, bag, evidence.VerifyOptions{Signer: h.signer.Public(), Secrets: []string{"another"}}); !r.Good() {
		t.Errorf("without the secret: %v", r.Problems)
	}
	r := check(t, bag, evidence.VerifyOptions{Signer: h.signer.Public(), Secrets: h.Secrets()})
	if len(r.Problems) != 1 || r.Problems[0].Wrong != evidence.Invalid || !strings.HasSuffix(r.Problems[0].Path, "/api/decision.json") {
		t.Errorf("%v", r.Problems)
	}
}

// forger hands out another decision than Veriff's, with its signature.
type forger struct{ exhibit.Source }

func (f *forger) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	body, o, err := f.Source.OpenExhibit(ctx, i)
	if err != nil || i.Name != "decision.json" {
		return body, o, err
	}
	body.Close()
	text := []byte(`{"status":"success","verification":{"code":9001}}`)
	sum := sha256.Sum256(text)
	o.Size, o.SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
	return io.NopCloser(bytes.NewReader(text)), o, nil
}
