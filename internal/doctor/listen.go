package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// soon is how long before its end a certificate is told of: Let's Encrypt renews them 30
// days before.
const soon = 14 * 24 * time.Hour

// webhooks judges where they are to be received. Whether Veriff reaches it from outside
// can't be seen from here.
func (o Options) webhooks(context.Context) Finding {
	if o.Webhook == "" {
		return ok("none are received").with("used", false)
	}
	f, address := o.listens(o.Webhook, "--webhook-listen")
	if f.Verdict == OK {
		f = o.certificate(f, address)
	}
	return f.with("used", true).with("tls", o.TLSCert != "")
}

func (o Options) metrics(context.Context) Finding {
	if o.Metrics == "" {
		return ok("not served over TCP").with("used", false)
	}
	f, _ := o.listens(o.Metrics, "--metrics-listen")
	return f.with("used", true)
}

// listens listens on an address for a moment.
func (o Options) listens(address, option string) (Finding, net.Addr) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		l.Close()
		return ok("%s is free", l.Addr()), l.Addr()
	case errors.Is(err, syscall.EADDRINUSE) && slices.ContainsFunc(o.Mounts, func(m Mount) bool { return m.Status != nil }):
		return warn("in-use", "if it is none of your mounts, choose another port ("+option+")", "%s is in use, perhaps by a mount that runs", address), nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fail("in-use", "another program, perhaps another veriffs, listens there: choose another port ("+option+")", "%s is in use", address), nil
	}
	return fail("unusable", "name an address of this machine, HOST:PORT, and a port from 1024 up ("+option+")", "%v", err), nil
}

// certificate judges what a receiver that can listen would show.
func (o Options) certificate(f Finding, address net.Addr) Finding {
	if o.TLSCert == "" {
		if tcp, isTCP := address.(*net.TCPAddr); isTCP && !tcp.IP.IsLoopback() {
			return warn("no-tls", "give a certificate (--tls-cert, --tls-key), or listen on 127.0.0.1 behind a proxy that has one", "%s, and other machines can reach it without TLS", f.Says)
		}
		return f
	}
	const mend = "check --tls-cert and --tls-key: both are PEM files that you can read, and belong together"
	for _, file := range []string{o.TLSCert, o.TLSKey} {
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() { // reading a pipe would wait
			return fail("certificate", mend, "%s is no regular file", file)
		}
	}
	pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return fail("certificate", mend, "%v", err)
	}
	switch left := time.Until(pair.Leaf.NotAfter); {
	case left <= 0:
		return fail("expired", "renew the certificate: Veriff sends nothing to one that has expired", "the certificate in %s has expired", o.TLSCert)
	case left < soon:
		return warn("expires-soon", "renew the certificate", "the certificate in %s expires on %s", o.TLSCert, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return ok("%s, and has a certificate", f.Says)
}
