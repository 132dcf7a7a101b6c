package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"veriffs/veriff"

	"github.com/dustin/go-humanize/english"
)

const (
	// patience bounds each step on the way to the API.
	patience = 8 * time.Second
	// A clock that is off by slowClock makes the ages of cached files wrong, one by
	// wrongClock makes certificates look expired.
	slowClock  = 2 * time.Minute
	wrongClock = time.Hour
)

// network is the way to the API.
type network struct {
	Options
	once sync.Once
	paid visit
}

// visit is what a request without credentials to the API's host has shown.
type visit struct {
	sent, got time.Time
	answer    *http.Response // nil without one; its body is closed
	err       error
}

func (o Options) networkChecks() []Check {
	n := &network{Options: o}
	return []Check{{"proxy", n.proxy}, {"name", n.name}, {"connection", n.connection}, {"clock", n.clock}, {"credentials", n.credentials}}
}

// base is the API's address, or nil if it is none: then the credentials' check says so.
func (n *network) base() *url.URL {
	u, err := url.Parse(n.API.BaseURL)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return nil
	}
	return u
}

// unaddressed is what the checks of the way find where it has no end.
func unaddressed() Finding {
	return warn("no-address", "set VERIFF_API_URL first", "not looked at: the API's address is missing or wrong")
}

// through is the proxy on the way, nil if there is none.
func (n *network) through() (*url.URL, error) {
	return http.ProxyFromEnvironment(&http.Request{URL: n.base()})
}

func (n *network) proxy(ctx context.Context) Finding {
	if n.base() == nil {
		return unaddressed()
	}
	proxy, err := n.through()
	switch {
	case err != nil || ignoredProxy(): // the error would quote a password
		return fail("not-a-url", "correct it, or remove it from the environment", "HTTPS_PROXY is not a URL").with("used", true)
	case proxy == nil:
		return ok("none").with("used", false)
	}
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080"}[proxy.Scheme]
	}
	if port == "" {
		port = "80"
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return fail("unreachable", "check HTTPS_PROXY and NO_PROXY, and whether the proxy runs", "the proxy %s can't be reached: %v", proxy.Host, err).with("used", true)
	}
	conn.Close()
	return ok("%s takes connections", proxy.Host).with("used", true)
}

// ignoredProxy reports whether the environment names a proxy that net/http passes over
// in silence, because it is no URL.
func ignoredProxy() bool {
	proxy := os.Getenv("HTTPS_PROXY")
	if proxy == "" {
		proxy = os.Getenv("https_proxy")
	}
	_, asURL := url.Parse(proxy)
	_, asHost := url.Parse("http://" + proxy)
	return asURL != nil && asHost != nil
}

// name looks the API's host up, unless a proxy does.
func (n *network) name(ctx context.Context) Finding {
	if n.base() == nil {
		return unaddressed()
	}
	if proxy, _ := n.through(); proxy != nil {
		return ok("looked up by the proxy")
	}
	host := n.base().Hostname()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return fail("not-found", "check VERIFF_API_URL, the network, and the name servers in /etc/resolv.conf", "%v", err)
	}
	return ok("%s has %s", host, english.Plural(len(found), "address", "")).with("addresses", len(found))
}

// visit asks the API's host for nothing in particular, without credentials, once.
func (n *network) visit(ctx context.Context) visit {
	n.once.Do(func() { n.paid = n.pay(ctx) })
	return n.paid
}

func (n *network) pay(ctx context.Context) (v visit) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
		DialContext:     (&net.Dialer{Timeout: patience}).DialContext,
		TLSClientConfig: &tls.Config{RootCAs: n.API.RootCAs, MinVersion: tls.VersionTLS12},
	}
	client := &http.Client{Transport: transport, Timeout: 2 * patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, n.base().Scheme+"://"+n.base().Host+"/", nil)
	if err != nil {
		return visit{err: err}
	}
	v.sent = time.Now()
	v.answer, v.err = client.Do(request)
	v.got = time.Now()
	if v.err == nil {
		v.answer.Body.Close()
	}
	return v
}

func (n *network) connection(ctx context.Context) Finding {
	if n.base() == nil {
		return unaddressed()
	}
	v := n.visit(ctx)
	if v.err != nil {
		return connectionTrouble(v.err)
	}
	if v.answer.TLS == nil {
		return ok("answers, without TLS").with("tls", false)
	}
	return ok("answers by %s, with a certificate that this machine trusts", tls.VersionName(v.answer.TLS.Version)).with("tls", true)
}

// connectionTrouble says why nothing was answered.
func connectionTrouble(err error) Finding {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		request *url.Error
	)
	if errors.As(err, &request) {
		err = request.Err // without the address, which the other checks name
	}
	switch {
	case errors.As(err, &unknown):
		return fail("untrusted", "if a proxy of your company opens TLS, add its certificate to the system's (update-ca-certificates); otherwise install ca-certificates, and trust nobody else", "the certificate is signed by nobody whom this machine trusts")
	case errors.As(err, &host):
		return fail("of-another-host", "check VERIFF_API_URL; a proxy or the network may answer in the API's place", "the certificate is of another host")
	case errors.As(err, &invalid):
		return fail("not-valid", "check the clock of this machine; if it is right, the certificate is not", "the certificate is not valid: %v", err)
	}
	return fail("no-answer", "check the network, the firewall and the proxy (HTTPS_PROXY)", "%v", err)
}

// clock compares this machine's with that of whoever answered.
func (n *network) clock(ctx context.Context) Finding {
	if n.base() == nil {
		return unaddressed()
	}
	v := n.visit(ctx)
	if v.err != nil {
		return warn("no-answer", "mend the connection first", "not compared: nothing was answered")
	}
	date, err := http.ParseTime(v.answer.Header.Get("Date"))
	if err != nil {
		return warn("no-date", "compare it with another clock", "not compared: the answer has no date")
	}
	// The date is in whole seconds, and from some moment between the two.
	ahead := v.sent.Add(v.got.Sub(v.sent) / 2).Sub(date.Add(time.Second / 2)).Round(time.Second)
	off, which := ahead.Abs(), "ahead of"
	if ahead < 0 {
		which = "behind"
	}
	f := ok("within %v of the API's", max(off, time.Second))
	const mend = "set the clock (timedatectl set-ntp true)"
	switch {
	case off >= wrongClock:
		f = fail("wrong", mend, "%v %s the API's: certificates look expired, and the ages of cached files are wrong", off, which)
	case off >= slowClock:
		f = warn("off", mend, "%v %s the API's", off, which)
	}
	return f.with("seconds_ahead", int64(ahead/time.Second))
}

// credentials asks the API for a session that does not exist.
func (n *network) credentials(ctx context.Context) Finding {
	api := n.API
	if n.Secrets != nil {
		api.Secrets = []string{"none"} // so that New judges the address and the key
	}
	client, err := veriff.New(api)
	if err != nil {
		return n.failed("unusable", err)
	}
	defer client.Close()
	if n.Secrets != nil {
		return warn("no-secret", "mend the shared secret first", "not tried: there is no shared secret")
	}
	err = client.Probe(ctx)
	var (
		unexpected *veriff.Unexpected
		answer     *veriff.APIError
	)
	f := ok("accepted by the API, which signs with the shared secret")
	switch {
	case errors.As(err, &unexpected):
		f = warn("unexpected", "try again when the API is well", "not refused, but not accepted for certain: %v", unexpected.Err)
	case err != nil:
		f = n.failed(credentialTrouble(err), err)
	case !client.Signed():
		f = warn("unsigned", "--verify require demands a signature", "accepted, but the answer is not signed: the shared secret was not checked")
	}
	if errors.As(err, &answer) {
		f = f.with("status", answer.Status).with("from_api", answer.FromAPI())
		// Veriff's codes are numbers; what else stands there may be anything.
		if code, err := strconv.ParseUint(answer.Code, 10, 16); err == nil {
			f = f.with("code", code)
		}
	}
	return f
}

// credentialTrouble is the kind of an error of a probe.
func credentialTrouble(err error) string {
	for _, known := range []struct {
		err  error
		kind string
	}{
		{veriff.ErrRefused, "refused"}, {veriff.ErrSignature, "wrong-signature"}, {veriff.ErrRedirect, "redirected"},
		{veriff.ErrUnreachable, "unreachable"}, {veriff.ErrNoAnswer, "no-answer"},
	} {
		if errors.Is(err, known.err) {
			return known.kind
		}
	}
	return "unusable"
}
