package veriff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"veriffs/veriff"
)

func TestConfigRefused(t *testing.T) {
	good := veriff.Config{BaseURL: "https://stationapi.veriff.com", APIKey: key, Secrets: []string{secret}}
	url := func(u string) func(*veriff.Config) { return func(c *veriff.Config) { c.BaseURL = u } }
	for _, test := range []struct {
		name    string
		change  func(*veriff.Config)
		setting veriff.Setting
		hint    string // some words of it
	}{
		{"no URL", url(""), "API URL", "customer portal"},
		{"white space for a URL", url(" \n"), "API URL", "customer portal"},
		{"host alone", url("stationapi.veriff.com"), "API URL", "https://"},
		{"host and port alone", url("stationapi.veriff.com:443"), "API URL", "https://"},
		{"another scheme", url("ftp://stationapi.veriff.com"), "API URL", "https://"},
		{"no host", url("https:///v1"), "API URL", "https://"},
		{"opaque", url("https:stationapi.veriff.com"), "API URL", "https://"},
		{"not a URL", url("https://veriff.com/%zz?hunter2"), "API URL", "https://"},
		{"query", url("https://stationapi.veriff.com/?a=b"), "API URL", "?"},
		{"empty query", url("https://stationapi.veriff.com/?"), "API URL", "?"},
		{"fragment", url("https://stationapi.veriff.com/#a"), "API URL", "#"},
		{"empty fragment", url("https://stationapi.veriff.com/#"), "API URL", "#"},
		{"user", url("https://hunter2@stationapi.veriff.com"), "API URL", "@"},
		{"password", url("https://u:hunter2@stationapi.veriff.com"), "API URL", "@"},
		{"plain http", url("http://stationapi.veriff.com"), "API URL", "https://"},
		{"plain http to an address", url("http://192.0.2.1"), "API URL", "https://"},
		{"plain http to a name like loopback", url("http://127.0.0.1.example.com"), "API URL", "https://"},
		{"no key", func(c *veriff.Config) { c.APIKey = "" }, "API key", "customer portal"},
		{"key with a line end", func(c *veriff.Config) { c.APIKey = "hunter2\r\nX: y" }, "API key", "customer portal"},
		{"no secret", func(c *veriff.Config) { c.Secrets = nil }, "shared secret", "customer portal"},
		{"empty secret", func(c *veriff.Config) { c.Secrets = []string{secret, ""} }, "shared secret", "customer portal"},
		{"secret with a line end", func(c *veriff.Config) { c.Secrets = []string{"hunter2\n"} }, "shared secret", "line end"},
		{"six secrets", func(c *veriff.Config) { c.Secrets = strings.Split("hunter2,b,c,d,e,f", ",") }, "shared secret", "five"},
		{"verify mode", func(c *veriff.Config) { c.Verify = 3 }, "verify mode", "require"},
		{"connections", func(c *veriff.Config) { c.Connections = -1 }, "number of connections", "16"},
		{"rate", func(c *veriff.Config) { c.Rate = math.NaN() }, "request rate", "no limit"},
		{"patience", func(c *veriff.Config) { c.Patience = -time.Second }, "patience", "18s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			_, err := veriff.New(config)
			var ce *veriff.ConfigError
			if !errors.As(err, &ce) || ce.Setting != test.setting || !strings.Contains(ce.Hint, test.hint) {
				t.Fatalf("New: %#v, want a ConfigError about %q that mentions %q", err, test.setting, test.hint)
			}
			if strings.Contains(err.Error(), "VERIFF_") || strings.Contains(err.Error(), "--") {
				t.Errorf("the error speaks the program's language: %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
	if _, err := veriff.New(good); err != nil {
		t.Errorf("New(good) = %v", err)
	}
}

func TestConfigAccepted(t *testing.T) {
	for _, u := range []string{
		"https://stationapi.veriff.com", " https://stationapi.veriff.com/v1/\n", "HTTPS://stationapi.veriff.com:8443",
		"http://localhost:80", "http://127.8.9.1", "http://[::1]:8080/",
	} {
		newClient(t, u)
	}
	// A key that is no UUID is for the API to refuse, with code 1802.
	newClient(t, "https://stationapi.veriff.com", func(c *veriff.Config) { c.APIKey = "not-a-uuid" })
}

func TestBaseURLForms(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, emptyList) })
	for suffix, want := range map[string]string{
		"": "/v1/sessions/", "/": "/v1/sessions/", "/v1": "/v1/sessions/", "/v1/": "/v1/sessions/",
		"/gateway": "/gateway/v1/sessions/", "/gateway/v1//": "/gateway/v1/sessions/",
	} {
		c := newClient(t, server.URL+suffix)
		if _, err := c.SessionMedia(context.Background(), sessionID); err != nil {
			t.Fatal(err)
		}
		if got := server.requests[server.asked()-1].URL.Path; got != want+idText+"/media" {
			t.Errorf("base %q: path %s", suffix, got)
		}
	}
}

func TestVerifyModeNames(t *testing.T) {
	for _, m := range []veriff.VerifyMode{veriff.VerifyRequire, veriff.VerifyPresent, veriff.VerifyOff} {
		if got, err := veriff.ParseVerifyMode(m.String()); got != m || err != nil {
			t.Errorf("ParseVerifyMode(%q) = %v, %v", m, got, err)
		}
	}
	if _, err := veriff.ParseVerifyMode("of"); err == nil {
		t.Error("ParseVerifyMode took a mode that is none")
	}
}

// Whoever prints a configuration or a client does not print its secrets.
func TestPrintingShowsNoSecret(t *testing.T) {
	config := veriff.Config{BaseURL: "https://stationapi.veriff.com", APIKey: key, Secrets: []string{secret}}
	client, err := veriff.New(config)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %v %+v %#v", config, config, config, config, client, client, client)
	fmt.Fprintf(&out, "%v %+v", &config, struct{ C veriff.Config }{config})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", config, "client", client)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", config, "client", client)
	for _, s := range []string{secret, "0x61, 0x62", key} {
		if strings.Contains(out.String(), s) {
			t.Errorf("%q is shown:\n%s", s, out.String())
		}
	}
}

func TestTrimURL(t *testing.T) {
	for s, want := range map[string]string{
		"https://host": "https://host", "https://host/": "https://host", "https://host/v1": "https://host", "https://host//v1//": "https://host",
		"https://host/gateway/v1": "https://host/gateway", "https://host/v12": "https://host/v12", "": "",
	} {
		if got := veriff.TrimURL(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
