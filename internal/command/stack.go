package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"veriffs/cache"
	"veriffs/fs"
	"veriffs/internal/library"
	"veriffs/internal/sessionlist"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// stack is a running mount: its parts, in the order of their start.
type stack struct {
	records  *accessLog // nil without one
	client   *veriff.Client
	cache    *cache.Cache
	team     *team.Store // nil without one
	library  *library.Library
	source   *sessionlist.Source
	receiver *receiver // nil without webhooks
	control  func()    // closes the control socket
	mount    *fs.Mount

	closeTeam func() // uploads what is queued

	how    string // the mount ended
	failed error  // why it did not begin
}

// recorded reports whether the SHA-256 of what is fetched may be recorded, here or by others
// of the team.
func (k *stack) recorded(s *settings) bool { return k.records != nil || s.team.scheme != "" }

// start brings up every part, or none and returns why.
func start(ctx context.Context, s settings, log *slog.Logger) (_ *stack, err error) {
	k := new(stack)
	defer func() {
		if err != nil {
			k.failed = err
			k.close()
		}
	}()
	if k.records, err = openAccessLog(&s, log); err != nil {
		return nil, err
	}
	s.api.Logger, s.cache.Damaged = log, k.records.damaged
	s.api.SHA256 = k.recorded(&s)
	if k.client, err = veriff.New(s.api); err != nil {
		return nil, err
	}
	s.cache.Logger = log
	if k.cache, err = openCache(ctx, s.cache, s.mountpoint, log); err != nil {
		return nil, err
	}
	if err := probe(ctx, k.client, s.allowOffline, log); err != nil {
		return nil, err
	}
	if k.client.Signed() {
		k.cache.SweepForeign() // the secret is not mistyped
	}
	if k.team, k.closeTeam, err = openTeam(ctx, s.team, k.cache, true, log); err != nil {
		return nil, err
	}
	if k.library, err = newLibrary(k, s, log); err != nil {
		return nil, err
	}
	if err := k.follow(ctx, s.sessions, log); err != nil {
		return nil, err
	}
	if s.webhook.address != "" {
		k.receiver, err = newReceiver(ctx, s.webhook, &s.api, k.library.ForgetListing, log)
		if err != nil {
			return nil, err
		}
	}
	if k.control, err = serveControl(k, s, log); err != nil {
		return nil, err
	}
	if s.supervised.unmounted(s.mountpoint) {
		return nil, errUnmounted
	}
	if err := k.records.begin(&s); err != nil {
		return nil, err
	}
	o := fs.Options{
		Library: k.library, Mountpoint: s.mountpoint, Account: account(&s.api), Source: s.source, AllowOther: s.allowOther,
		UID: s.owner.uid, GID: s.owner.gid, Umask: s.owner.umask,
		Readers: s.readers.readers, OpenBudget: s.readers.budget, Logger: log,
	}
	if k.records != nil {
		o.Recorder, o.Arguments = k.records, k.records.arguments
	}
	if k.mount, err = fs.New(o); err != nil {
		return nil, err
	}
	return k, nil
}

func newLibrary(k *stack, s settings, log *slog.Logger) (*library.Library, error) {
	return library.New(library.Options{
		Client: k.client, Cache: k.cache, Team: k.team, ListTTL: s.listTTL,
		Connections: s.api.Connections, NoReadAhead: s.noReadAhead, Shown: s.shown, Passive: s.passive, Logger: log,
		Distrusted: k.records.distrusted, Member: thisMember(s, log),
	})
}

// close stops what is running, in reverse order.
func (k *stack) close() {
	if k.control != nil {
		k.control()
	}
	if k.receiver != nil {
		k.receiver.close()
	}
	if k.source != nil {
		k.source.Close()
	}
	if k.library != nil {
		k.library.Close()
	}
	if k.closeTeam != nil {
		k.closeTeam()
	}
	if k.cache != nil {
		k.cache.Close()
	}
	if k.client != nil {
		k.client.Close()
	}
	k.records.end(k.how, k.failed)
}

// probe asks the API whether it takes the credentials, and says in a sentence
// what is wrong: the key, the secret, the address or the network.
func probe(ctx context.Context, client *veriff.Client, allowOffline bool, log *slog.Logger) error {
	err := client.Probe(ctx)
	var unexpected *veriff.Unexpected
	switch {
	case errors.As(err, &unexpected):
		log.Warn("unexpected reply to the credentials check; mounting anyway", "reply", unexpected.Err)
		return nil
	case errors.Is(err, veriff.ErrUnreachable) && allowOffline:
		log.Warn("the API can't be reached, the mount shows what is in the cache", "error", err)
		return nil
	default:
		return probeError(err)
	}
}

// probeError adds to the error of a probe what to do about it.
func probeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*veriff.ConfigError)):
		return err // it has a hint of its own
	case errors.Is(err, veriff.ErrRefused):
		return &hinted{err: err, code: exitRefused, hint: refusedHint(err)}
	case errors.Is(err, veriff.ErrSignature):
		return &hinted{err: err, code: exitRefused,
			hint: "either VERIFF_API_URL is not the API's address, or the shared secret is not this integration's; --verify=present would accept replies without a signature"}
	case errors.Is(err, veriff.ErrRedirect):
		return &hinted{err: err, code: exitUnreachable, hint: "check VERIFF_API_URL: it is not the API's own address"}
	case errors.Is(err, veriff.ErrUnreachable):
		return &hinted{err: err, code: exitUnreachable,
			hint: "check the network, the proxy (HTTPS_PROXY) and VERIFF_API_URL; with --allow-offline a mount starts anyway, on what is in the cache"}
	default:
		return fmt.Errorf("check the credentials: %w", err)
	}
}

// refusedHint says what to do about a refusal. The error itself says why the API
// refused.
func refusedHint(err error) string {
	var api *veriff.APIError
	if !errors.As(err, &api) {
		return "check the API key and the shared secret"
	}
	refusal := api.Refusal()
	var check []string
	for _, s := range refusal.Settings {
		check = append(check, settingVariables[s])
	}
	switch {
	case !api.FromAPI():
		return "this is not the API's own answer: check the network, the proxy (HTTPS_PROXY) and " + strings.Join(check, ", ")
	case len(check) == 0:
		return refusal.Cause
	case len(check) == 1:
		return "check " + check[0]
	default:
		return "check " + strings.Join(check, " and ") + ": they must be of the same integration"
	}
}

// settingVariables are the environment variables that hold what package veriff
// calls settings.
var settingVariables = map[veriff.Setting]string{
	veriff.SettingURL:    "VERIFF_API_URL",
	veriff.SettingKey:    "VERIFF_API_KEY",
	veriff.SettingSecret: secretVariable,
}

// configHint says what to do about an unusable setting, and where it is set.
func configHint(wrong *veriff.ConfigError) string {
	if variable := settingVariables[wrong.Setting]; variable != "" {
		return wrong.Hint + " (" + variable + ")"
	}
	return wrong.Hint
}

// sorted returns ids as a library expects them: in order, without duplicates.
func sorted(ids []veriff.SessionID) []veriff.SessionID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, veriff.SessionID.Compare)
	return slices.Compact(ids)
}
