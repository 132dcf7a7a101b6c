package veriff_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"testing"

	"veriffs/veriff"
)

func hashed(c *veriff.Config) { c.SHA256 = true }

// The SHA-256 of a file is computed if it is asked for, where no signature need vouch for
// the bytes, and where two signatures may.
func TestDownloadWithoutSHA256(t *testing.T) {
	body := picture(100)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
	for _, c := range []struct {
		mode    veriff.VerifyMode
		asked   bool
		secrets []string
		want    bool
	}{
		{veriff.VerifyRequire, false, []string{secret}, false},
		{veriff.VerifyRequire, true, []string{secret}, true},
		{veriff.VerifyRequire, false, []string{"the new one", secret}, true},
		{veriff.VerifyPresent, false, []string{secret}, true},
		{veriff.VerifyOff, false, []string{secret}, true},
	} {
		want := [32]byte{}
		if c.want {
			want = sha256.Sum256([]byte(body))
		}
		client := server.client(t, verifyMode(c.mode), func(config *veriff.Config) { config.SHA256, config.Secrets = c.asked, c.secrets })
		r, err := client.Download(t.Context(), mediaID, func(int64) (io.Writer, error) { return io.Discard, nil })
		if err != nil || r.SHA256 != want || r.Signature != mac(body, secret) {
			t.Errorf("%v, asked for: %v: receipt %+v, %v", c.mode, c.asked, r, err)
		}
	}
}
