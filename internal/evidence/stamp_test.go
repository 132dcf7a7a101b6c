package evidence_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
)

// authority is a time stamp authority.
type authority struct {
	cert, root *x509.Certificate
	key        crypto.Signer
	change     func(*timestamp.Timestamp) // of what it grants; nil: nothing
	bare       bool                       // its replies have no certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	usage := asn1.ObjectIdentifier{2, 5, 29, 37}
	stamping, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		t.Fatal(err)
	}
	template := func(n int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: name},
			NotBefore: moment.AddDate(-1, 0, 0), NotAfter: moment.AddDate(5, 0, 0), BasicConstraintsValid: true}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := template(1, "Root")
	root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
	leaf := template(2, "Time Stamps")
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtraExtensions = []pkix.Extension{{Id: usage, Critical: true, Value: stamping}}
	a := &authority{key: key}
	for _, c := range []struct {
		to            **x509.Certificate
		what, by      *x509.Certificate
		public, signs any
	}{
		{&a.root, root, root, rootKey.Public(), rootKey},
		{&a.cert, leaf, root, key.Public(), rootKey},
	} {
		der, err := x509.CreateCertificate(rand.Reader, c.what, c.by, c.public, c.signs)
		if err != nil {
			t.Fatal(err)
		}
		if *c.to, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// stamp answers a request.
func (a *authority) stamp(_ context.Context, request []byte) ([]byte, error) {
	r, err := timestamp.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	s := &timestamp.Timestamp{
		HashAlgorithm: r.HashAlgorithm, HashedMessage: r.HashedMessage, Nonce: r.Nonce,
		Time: moment.Add(time.Minute), Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: !a.bare,
	}
	if a.change != nil {
		a.change(s)
	}
	return s.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// A time stamp is checked when it is made and when the bag is verified, and openssl
// accepts it too.
func TestTimeStamp(t *testing.T) {
	h, a, stranger := newHouse(t), newAuthority(t), newAuthority(t)
	dest := filepath.Join(t.TempDir(), "case")
	o := h.options()
	o.Stamp = a.stamp
	sum, err := evidence.Export(t.Context(), h.source, h.plan(exhibit.Selection{}, h.ids(1)...), dest, o)
	if err != nil || !sum.Stamped.Equal(moment.Add(time.Minute)) {
		t.Fatal(sum.Stamped, err)
	}
	if r := check(t, dest, evidence.VerifyOptions{Roots: a.pool()}); !r.Good() || !r.Stamped.Equal(sum.Stamped) {
		t.Errorf("%+v", r)
	}
	stamp := "tagmanifest-sha512.txt.sig.tsr"
	if r := check(t, dest, evidence.VerifyOptions{Roots: stranger.pool()}); !has(r, evidence.Invalid, stamp) {
		t.Errorf("by another authority: %+v", r)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, dest, "", "openssl", "ts", "-verify", "-in", stamp, "-data", "tagmanifest-sha512.txt.sig", "-CAfile", ca,
		"-attime", "1795773600")
	if err != nil || !strings.Contains(out, "Verification: OK") {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	bare := copyBag(t, dest)
	if err := os.Remove(filepath.Join(bare, stamp)); err != nil {
		t.Fatal(err)
	}
	if r := check(t, bare, evidence.VerifyOptions{}); !has(r, evidence.Absent, stamp) {
		t.Errorf("it was removed: %+v", r)
	}
	// That of another bag's signature.
	if err := os.WriteFile(filepath.Join(dest, "tagmanifest-sha512.txt.sig"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := check(t, dest, evidence.VerifyOptions{}); !has(r, evidence.Invalid, stamp) {
		t.Errorf("for something else: %+v", r)
	}
}

// A reply that does not grant just what was asked for fails the export.
func TestWrongTimeStamps(t *testing.T) {
	h := newHouse(t)
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	refused, err := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadRequest)
	if err != nil {
		t.Fatal(err)
	}
	reply := func(text []byte) func(*authority) func(context.Context, []byte) ([]byte, error) {
		return func(*authority) func(context.Context, []byte) ([]byte, error) {
			return func(context.Context, []byte) ([]byte, error) { return text, nil }
		}
	}
	changed := func(change func(*authority)) func(*authority) func(context.Context, []byte) ([]byte, error) {
		return func(a *authority) func(context.Context, []byte) ([]byte, error) {
			change(a)
			return a.stamp
		}
	}
	for name, c := range map[string]struct {
		stamp func(*authority) func(context.Context, []byte) ([]byte, error)
		want  string
	}{
		"refused":           {reply(refused), "refused"},
		"no answer of its":  {reply([]byte("<html>")), "malformed"},
		"empty":             {reply(nil), "malformed"},
		"too long":          {reply(make([]byte, 2<<20)), "too long"},
		"of something else": {changed(func(a *authority) { a.change = func(s *timestamp.Timestamp) { s.HashedMessage[0] ^= 1 } }), "something else"},
		"another nonce":     {changed(func(a *authority) { a.change = func(s *timestamp.Timestamp) { s.Nonce = big.NewInt(1) } }), "another request"},
		"no nonce":          {changed(func(a *authority) { a.change = func(s *timestamp.Timestamp) { s.Nonce = nil } }), "another request"},
		"no certificate":    {changed(func(a *authority) { a.bare = true }), "no certificate"},
	} {
		o := h.options()
		o.Stamp = c.stamp(newAuthority(t))
		dest := filepath.Join(t.TempDir(), "case")
		_, err := evidence.Export(t.Context(), h.source, plan, dest, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(dest); err == nil {
			t.Errorf("%s: the bag is there", name)
		}
	}
}
