package command

import (
	"testing"

	"veriffs/veriff"
)

func TestNormalURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://stationapi.veriff.com":             "https://stationapi.veriff.com",
		"HTTPS://StationAPI.Veriff.com:443/v1/":     "https://stationapi.veriff.com",
		" https://stationapi.veriff.com:/ ":         "https://stationapi.veriff.com",
		"https://stationapi.veriff.com:8443":        "https://stationapi.veriff.com:8443",
		"http://127.0.0.1:80":                       "http://127.0.0.1",
		"http://127.0.0.1:443":                      "http://127.0.0.1:443",
		"https://[2001:DB8::443]":                   "https://[2001:db8::443]",
		"https://[2001:DB8::1]:443":                 "https://[2001:db8::1]",
		"https://example.com/A%2fb/V1":              "https://example.com/A%2fb/V1",
		"https://example.com/a?b=https://Example/#": "https://example.com/a?b=https://Example/#",
		"nonsense": "nonsense",
		"":         "",
	} {
		if got := normalURL(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestAccountStays: the caches of an address in its normal spelling are found again,
// and those of its other spellings are the same.
func TestAccountStays(t *testing.T) {
	const key = "6a1f0c52-3d8e-4b7a-9c10-5e2d4f8b7a63"
	for text, want := range map[string]string{
		"https://stationapi.veriff.com": "f1d51c99be79",
		"http://127.0.0.1:8080/proxy":   "28f82837fd56",
	} {
		if got := account(&veriff.Config{BaseURL: text, APIKey: key}); got != want {
			t.Errorf("%s has account %s, it was %s", text, got, want)
		}
	}
	if account(&veriff.Config{BaseURL: "https://StationAPI.veriff.com:443/v1", APIKey: key}) !=
		account(&veriff.Config{BaseURL: "https://stationapi.veriff.com", APIKey: key}) {
		t.Error("another spelling is another account")
	}
}
