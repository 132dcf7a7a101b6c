package veriff

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config configures a Client. BaseURL, APIKey and Secrets are required; the
// zero value of everything else is a documented default.
type Config struct {
	// BaseURL is the API's address as the customer portal shows it, with or
	// without a trailing slash or /v1. Plain http is accepted for loopback
	// hosts only. If it has another path, Probe insists that it is the API
	// that answers there.
	BaseURL string
	// APIKey names the integration; it is sent with every request.
	APIKey string
	// Secrets are the integration's shared secrets, one to five. The first
	// signs requests; a reply may be signed by any.
	Secrets []string
	// Verify says which signature a reply must have.
	Verify VerifyMode
	// SHA256 has Download compute the SHA-256 of every file. Without, it does so only where
	// no signature need vouch for the bytes, and with several secrets, whose signatures of
	// the same bytes differ; a fetch then takes an eighth less of the processor's time.
	SHA256 bool
	// Connections bounds the requests under way and the idle connections.
	// Default 16.
	Connections int
	// Rate bounds the requests sent per second. 0: unlimited.
	Rate float64
	// Pace, if not nil, is called with the number of bytes of each piece of a media
	// file that was received, and may wait before more is read. That wait counts
	// towards none of the limits below. An error ends the try.
	Pace func(ctx context.Context, bytes int) error
	// UserAgent is sent with every request. Default "veriffs".
	UserAgent string
	// RootCAs are the certificate authorities to trust. nil: the system's.
	RootCAs *x509.CertPool
	// Logger receives one debug line per request, and a warning when the API
	// asks for fewer. nil: none.
	Logger *slog.Logger

	// Connect bounds the time to connect, and again that of the TLS handshake.
	// Default 5 s.
	Connect time.Duration
	// FirstByte bounds the wait for an answer's headers. Default 8 s.
	FirstByte time.Duration
	// Stall bounds the wait for the next bytes of a body. Default 8 s.
	Stall time.Duration
	// Patience bounds how long a call goes on, over all its tries, without
	// receiving a byte of what it asked for. Waiting for a free connection or
	// for the configured rate, and time spent in the sink, do not count.
	// Default 18 s.
	Patience time.Duration
}

// Format and LogValue keep the secrets out of whatever prints a Config.
func (Config) Format(f fmt.State, _ rune) { io.WriteString(f, "veriff.Config{…}") }

// LogValue does for log lines what Format does for the rest.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

const (
	defaultConnections = 16
	defaultUserAgent   = "veriffs"
	defaultConnect     = 5 * time.Second
	defaultFirstByte   = 8 * time.Second
	defaultStall       = 8 * time.Second
	defaultPatience    = 18 * time.Second

	// maxSecrets is how many shared secrets an integration can have, by
	// Veriff's documentation.
	maxSecrets = 5
)

// ConfigError says which setting is unusable, why, and what to do. It never
// holds a setting's value.
type ConfigError struct {
	Setting Setting
	Problem string
	Hint    string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s %s; %s", e.Setting, e.Problem, e.Hint)
}

// withDefaults checks the configuration and fills in defaults. The URL that it
// returns has no trailing slash and no /v1.
func (c Config) withDefaults() (Config, *url.URL, error) {
	base, err := parseBase(c.BaseURL)
	if err != nil {
		return c, nil, err
	}
	const copyHint = "copy it from the integration's page in the customer portal"
	switch {
	case c.APIKey == "":
		return c, nil, &ConfigError{SettingKey, "is missing", copyHint}
	case !headerSafe(c.APIKey):
		return c, nil, &ConfigError{SettingKey, "contains white space or characters that keys don't have", copyHint}
	}
	switch {
	case len(c.Secrets) == 0:
		return c, nil, &ConfigError{SettingSecret, "is missing", copyHint}
	case len(c.Secrets) > maxSecrets:
		return c, nil, &ConfigError{SettingSecret, "is given more than five times", "an integration has at most five: keep those in use"}
	}
	for _, s := range c.Secrets {
		switch {
		case s == "":
			return c, nil, &ConfigError{SettingSecret, "is empty", copyHint}
		case strings.TrimSpace(s) != s:
			return c, nil, &ConfigError{SettingSecret, "begins or ends with white space", "it may have been copied with a line end: remove that"}
		}
	}
	if c.Verify < VerifyRequire || c.Verify > VerifyOff {
		return c, nil, &ConfigError{settingVerify, "is unknown", "use require, present or off"}
	}
	if c.Connections < 0 {
		return c, nil, &ConfigError{"number of connections", "is negative", "leave it out for the default of 16"}
	}
	if !(c.Rate >= 0) { // also NaN
		return c, nil, &ConfigError{"request rate", "is not a positive number", "leave it out, or use 0, for no limit"}
	}
	if c.UserAgent == "" {
		c.UserAgent = defaultUserAgent
	}
	if c.Connections == 0 {
		c.Connections = defaultConnections
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, t := range []struct {
		d         *time.Duration
		name      Setting
		byDefault time.Duration
	}{
		{&c.Connect, "connect timeout", defaultConnect},
		{&c.FirstByte, "first byte timeout", defaultFirstByte},
		{&c.Stall, "stall timeout", defaultStall},
		{&c.Patience, "patience", defaultPatience},
	} {
		switch {
		case *t.d == 0:
			*t.d = t.byDefault
		case *t.d < 0:
			return c, nil, &ConfigError{t.name, "is negative", "leave it out for the default of " + t.byDefault.String()}
		}
	}
	return c, base, nil
}

const exampleBase = "it looks like https://stationapi.veriff.com"

// parseBase reads the API's address. No error quotes it, since it may hold a
// password.
func parseBase(s string) (*url.URL, error) {
	const setting, example = SettingURL, exampleBase
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, &ConfigError{setting, "is missing", "copy it from the integration's page in the customer portal; " + example}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, &ConfigError{setting, "is not a URL", example}
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, &ConfigError{setting, "does not begin with https://", example}
	case u.Hostname() == "":
		return nil, &ConfigError{setting, "names no host", example}
	case u.User != nil:
		return nil, &ConfigError{setting, "contains a user name or password", "remove what stands before the @: requests are signed instead"}
	case u.RawQuery != "" || u.ForceQuery:
		return nil, &ConfigError{setting, "contains a query", "remove the ? and what follows it"}
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return nil, &ConfigError{setting, "contains a fragment", "remove the # and what follows it"}
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, &ConfigError{setting, "is plain http to another machine, which would show identity documents to everyone on the way", "use https://"}
	}
	return u.Parse(u.Scheme + "://" + u.Host + TrimURL(u.EscapedPath()))
}

// TrimURL removes trailing slashes and /v1 from the API's address, or from the
// path of it, so that all its spellings are one.
func TrimURL(s string) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimRight(s, "/"), "/v1"), "/")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// origin is scheme, host and port: who receives a request.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// headerSafe reports whether s is all visible ASCII, so that as a header's
// value it can't be anything more.
func headerSafe(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}
