package webhook

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"

	"veriffs/internal/listener"
	"veriffs/internal/sessionlist"
	"veriffs/veriff"
)

// The headers of a webhook, and what they were called until October 2025.
const (
	headerKey          = "X-Auth-Client"
	headerSignature    = "X-Hmac-Signature"
	headerKeyOld       = "Vrf-Auth-Client"
	headerSignatureOld = "Vrf-Hmac-Signature"
)

// refusal is why a request is not accepted.
type refusal struct {
	status int
	reason string // for the log and the sender; never quotes the request
}

func (r *refusal) Error() string { return r.reason }

var (
	errMethod      = &refusal{http.StatusMethodNotAllowed, "webhooks are sent by POST"}
	errKey         = &refusal{http.StatusUnauthorized, "API key missing or wrong"}
	errSignature   = &refusal{http.StatusUnauthorized, "signature missing or wrong"}
	errRate        = &refusal{http.StatusTooManyRequests, "too many webhooks"}
	errSize        = &refusal{http.StatusRequestEntityTooLarge, "body longer than 1 MiB"}
	errSlow        = &refusal{http.StatusRequestTimeout, "body too slow"}
	errIncomplete  = &refusal{http.StatusBadRequest, "body incomplete"}
	errNotAWebhook = &refusal{http.StatusBadRequest, "not a webhook, or without a session id"}
	errWrite       = &refusal{http.StatusInternalServerError, "can't save the session; send it again"}
)

// ServeHTTP answers one webhook or health check.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if req.URL.Path == "/healthz" {
		r.health(w, req)
		return
	}
	err := r.receiveGuarded(w, req)
	var why *refusal
	switch {
	case err == nil:
		io.WriteString(w, "ok\n")
		return
	case !errors.As(err, &why):
		why = errWrite
	}
	switch why.status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
	}
	if why.status < http.StatusInternalServerError && r.refusals.Allow() {
		r.log.Warn("webhook refused", "status", why.status, "reason", why.reason, "remote", req.RemoteAddr)
	}
	http.Error(w, why.reason, why.status)
}

func (r *Receiver) health(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	io.WriteString(w, "ok\n")
}

// receiveGuarded turns a panic into an error, so that Veriff sends the webhook
// again.
func (r *Receiver) receiveGuarded(w http.ResponseWriter, req *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("webhook: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errWrite
		}
	}()
	return r.receive(w, req)
}

// receive returns nil once the webhook's session is on the disk. Cheap checks
// come first, and only signed webhooks take what others need, too.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodPost {
		return errMethod
	}
	key := either(req.Header, headerKey, headerKeyOld)
	if subtle.ConstantTimeCompare([]byte(key), []byte(r.config.APIKey)) != 1 {
		return errKey
	}
	signature := either(req.Header, headerSignature, headerSignatureOld)
	if signature == "" {
		return errSignature
	}
	if req.ContentLength > maxBody {
		return errSize
	}
	body, err := read(w, req)
	if err != nil {
		return err
	}
	if _, ok := veriff.Verify(body, signature, r.config.Secrets...); !ok {
		return errSignature
	}
	defer listener.Hold(req.Context())()
	if !r.rate.Allow() {
		return errRate
	}
	hook, err := sessionlist.DecodeBody(body)
	if err != nil {
		return errNotAWebhook
	}
	ctx, cancel := context.WithTimeout(req.Context(), maxCommit)
	defer cancel()
	log := r.log.With("session", hook.Session.String(), "kind", hook.Kind, "action", hook.Action, "code", hook.Code)
	if err := r.commit(ctx, hook.Session); err != nil {
		log.Error("webhook not accepted", "error", err)
		return err
	}
	log.Info("webhook accepted")
	if r.config.OnSession != nil {
		r.config.OnSession(hook.Session)
	}
	return nil
}

// read reads the body, for as long and as far as the server's limits allow.
func read(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &tooLarge):
		return nil, errSize
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow
	default:
		return nil, errIncomplete
	}
}

func either(h http.Header, name, older string) string {
	if v := strings.TrimSpace(h.Get(name)); v != "" {
		return v
	}
	return strings.TrimSpace(h.Get(older))
}
