package veriff_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"veriffs/veriff"
)

func TestSignVector(t *testing.T) {
	const want = "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd"
	if got := veriff.Sign([]byte(idText), secret); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
	for _, test := range []struct {
		name, signature string
		secrets         []string
		index           int
	}{
		{"one", want, []string{secret}, 0},
		{"second", want, []string{secret2, secret}, 1},
		{"first of two alike", want, []string{secret, secret}, 0},
		{"upper case", strings.ToUpper(want), []string{secret}, 0},
		{"none", want, nil, -1},
		{"another", want, []string{secret2}, -1},
		{"empty", "", []string{secret}, -1},
		{"not hexadecimal", strings.Repeat("g", 64), []string{secret}, -1},
		{"cut", want[:62], []string{secret}, -1},
		{"longer", want + "00", []string{secret}, -1},
		{"changed", "0" + want[1:], []string{secret}, -1},
	} {
		if got, ok := veriff.Verify([]byte(idText), test.signature, test.secrets...); got != test.index || ok != (test.index >= 0) {
			t.Errorf("%s: Verify = %d, %v, want %d", test.name, got, ok, test.index)
		}
	}
}

// Every kind of reply, with every kind of signature, in every mode.
func TestVerification(t *testing.T) {
	header := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	type verdicts [3]bool // accepted in require, present, off
	signatures := []struct {
		name string
		set  func(h http.Header, body string)
		verdicts
	}{
		{"right", func(h http.Header, body string) { h.Set("X-HMAC-SIGNATURE", mac(body, secret)) }, verdicts{true, true, true}},
		{"by the second secret", func(h http.Header, body string) { h.Set("X-HMAC-SIGNATURE", mac(body, secret2)) }, verdicts{true, true, true}},
		{"older header", func(h http.Header, body string) { h.Set("vrf-hmac-signature", mac(body, secret)) }, verdicts{true, true, true}},
		{"newer header decides", func(h http.Header, body string) {
			h.Set("X-HMAC-SIGNATURE", mac("other", secret))
			h.Set("vrf-hmac-signature", mac(body, secret))
		}, verdicts{false, false, true}},
		{"upper case", func(h http.Header, body string) { h.Set("X-HMAC-SIGNATURE", strings.ToUpper(mac(body, secret))) }, verdicts{true, true, true}},
		{"key echoed", func(h http.Header, body string) {
			h.Set("X-HMAC-SIGNATURE", mac(body, secret))
			h.Set("X-AUTH-CLIENT", strings.ToUpper(key))
		}, verdicts{true, true, true}},
		{"another key echoed", func(h http.Header, body string) {
			h.Set("X-HMAC-SIGNATURE", mac(body, secret))
			h.Set("X-AUTH-CLIENT", "22222222-2222-4333-8444-555555555555")
		}, verdicts{false, false, true}},
		{"another key echoed, older header", func(h http.Header, body string) {
			h.Set("X-HMAC-SIGNATURE", mac(body, secret))
			h.Set("vrf-auth-client", "someone")
		}, verdicts{false, false, true}},
		{"missing", func(http.Header, string) {}, verdicts{false, true, true}},
		{"empty", func(h http.Header, _ string) { h.Set("X-HMAC-SIGNATURE", " ") }, verdicts{false, true, true}},
		{"of another body", func(h http.Header, body string) { h.Set("X-HMAC-SIGNATURE", mac(body+" ", secret)) }, verdicts{false, false, true}},
		{"by a stranger", func(h http.Header, body string) { h.Set("X-HMAC-SIGNATURE", mac(body, "stranger")) }, verdicts{false, false, true}},
		{"of the id", func(h http.Header, _ string) { h.Set("X-HMAC-SIGNATURE", mac(idText, secret)) }, verdicts{false, false, true}},
		{"nonsense", func(h http.Header, _ string) { header("X-HMAC-SIGNATURE", "nonsense")(h) }, verdicts{false, false, true}},
	}
	for _, s := range signatures {
		for mode, accepted := range s.verdicts {
			for _, answer := range []struct {
				status int
				body   string
				want   error
			}{
				{200, emptyList, nil},
				{404, notFoundBody, veriff.ErrNotFound},
			} {
				server := serve(t, func(w http.ResponseWriter, r *http.Request) {
					s.set(w.Header(), answer.body)
					replyUnsigned(w, answer.status, answer.body)
				})
				c := server.client(t, verifyMode(veriff.VerifyMode(mode)), func(c *veriff.Config) { c.Secrets = []string{secret, secret2} })
				want := answer.want
				if !accepted {
					want = veriff.ErrSignature
				}
				for _, call := range []int{0, len(calls) - 1} { // a listing, a media file
					err := calls[call].do(context.Background(), c)
					if !errors.Is(err, want) {
						t.Errorf("signature %s, mode %s, %s answered %d: error %v, want %v",
							s.name, veriff.VerifyMode(mode), calls[call].name, answer.status, err, want)
						continue
					}
					wantError(t, err, want)
					if s.name == "missing" && !accepted && !strings.Contains(err.Error(), "unsigned") {
						t.Errorf("an unsigned reply's error does not say so: %v", err)
					}
				}
				if server.asked() != 2 {
					t.Errorf("signature %s, status %d: %d requests for two calls", s.name, answer.status, server.asked())
				}
				server.Close()
				c.Close()
			}
		}
	}
}

func TestReceiptNamesTheSecret(t *testing.T) {
	for _, test := range []struct {
		mode      veriff.VerifyMode
		by        string // "" for unsigned
		secret    int
		signature string
	}{
		{veriff.VerifyRequire, secret, 0, mac("x", secret)},
		{veriff.VerifyRequire, secret2, 1, mac("x", secret2)},
		{veriff.VerifyPresent, secret2, 1, mac("x", secret2)},
		{veriff.VerifyPresent, "", -1, ""},
		{veriff.VerifyOff, secret, -1, mac("x", secret)}, // hashing it would be for nothing
		{veriff.VerifyOff, "", -1, ""},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if test.by != "" {
				w.Header().Set("X-HMAC-SIGNATURE", mac("x", test.by))
			}
			replyUnsigned(w, 200, "x")
		})
		c := server.client(t, verifyMode(test.mode), func(c *veriff.Config) { c.Secrets = []string{secret, secret2} })
		r, err := c.Download(context.Background(), mediaID, discard)
		if err != nil {
			t.Fatal(err)
		}
		id := ""
		if test.secret >= 0 {
			id = veriff.SecretID([]string{secret, secret2}[test.secret])
		}
		if r.Secret != test.secret || r.SecretID != id || r.Signature != test.signature {
			t.Errorf("mode %s: receipt %+v, want secret %d, %s", test.mode, r, test.secret, id)
		}
	}
}

// The id of a secret is written into caches, logs and exports: it must not change.
func TestSecretID(t *testing.T) {
	// printf %s "veriffs secret id v1" | openssl dgst -sha256 -hmac SECRET, cut after 12 digits
	if id := veriff.SecretID(secret); id != "d2552a621614" {
		t.Errorf("the id of a secret is %s", id)
	}
}
