// Package doctor looks at everything that a mount depends on, and says what is wrong
// with it and what to do: the system, the API and the way to it, the cache, the files
// of the user, and the mounts that run.
//
// # What it promises
//
// It changes nothing and makes nothing. Each check looks at one thing and ends within a
// few seconds. Where a thing can't be judged because another is broken, the check says
// so with a warning, and the other one fails.
//
// [WriteBundle] writes nothing but words of this program and numbers: no path, no
// address, no name, no id and no text of an error.
//
// # What it does not promise
//
// That all is well now says nothing about tomorrow. It does not read the objects of the
// cache (veriffs verify --cache does), nor the records of the access log (veriffs log
// verify). It sends no checkpoint to an anchor and adds nothing to a team's store, and
// can't see whether Veriff reaches the receiver of webhooks. What [Finding.Says] and [Finding.Mend] say is for the user of this machine:
// it names files and addresses, but no secret.
//
// # Concurrency
//
// [Run] looks at one thing after the other. There is no shared state.
package doctor

import (
	"context"
	"fmt"

	"veriffs/cache"
	"veriffs/internal/control"
	"veriffs/veriff"
)

// Verdict is what a check comes to.
type Verdict string

// The verdicts. Only what fails keeps veriffs from working as it is set.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Finding is what a check found.
type Finding struct {
	Check   string         `json:"check"`
	Verdict Verdict        `json:"verdict"`
	Kind    string         `json:"kind,omitempty"` // of trouble, a word of this program; "" if there is none
	Says    string         `json:"says"`
	Mend    string         `json:"mend,omitempty"`  // what to do; only if something is wrong
	Facts   map[string]any `json:"facts,omitempty"` // numbers, truth values, and words of this program
}

// Check is one thing to look at.
type Check struct {
	Name string
	Look func(ctx context.Context) Finding
}

// Mount is a mount of veriffs in the table of mounts, whoever started it.
type Mount struct {
	Point  string
	Alive  bool            // it answers
	Status *control.Status // nil: it is another user's, or has no control socket
}

// Options say what to look at.
type Options struct {
	Version  string // of this program
	Settings error  // why the settings can't be used; then nothing that needs them is looked at
	Secrets  error  // why there is no shared secret
	Keyring  bool   // the secret is to come from the operating system's keyring

	API        veriff.Config
	Cache      cache.Options
	Sessions   []string // files
	AccessLog  string   // a file or directory; "": none is kept
	Key        string   // the installation's, a file
	AllowOther bool
	Mounts     []Mount

	TeamDir    string                      // of a team's store that is a folder
	TeamBucket func(context.Context) error // asks one that is a bucket; nil: there is none

	Webhook         string // HOST:PORT; "": none are received
	TLSCert, TLSKey string // files; both "": no TLS
	Metrics         string // HOST:PORT; "": not served over TCP

	Device   string                 // of FUSE
	Config   string                 // of fusermount3
	Helper   func() (string, error) // finds fusermount3
	Ordinary bool                   // the user is not root, and needs it

	// Explain turns an error into a sentence and a hint.
	Explain func(error) (problem, hint string)
}

// settingsCheck is the name of the check without which nothing is known of the settings.
const settingsCheck = "settings"

// Run looks at everything, and calls found with each finding. When ctx ends it looks at
// nothing more, and what was being looked at is not told.
func Run(ctx context.Context, o Options, found func(Finding)) {
	for _, c := range checks(o) {
		f := c.Look(ctx)
		if ctx.Err() != nil {
			return
		}
		f.Check = c.Name
		found(f)
	}
}

// checks are all there are, what others depend on first.
func checks(o Options) []Check {
	all := []Check{
		{"version", o.version}, {settingsCheck, o.settings}, {"shared secret", o.secret}, {"keyring", o.keyring},
	}
	all = append(all, o.systemChecks()...)
	if o.Settings == nil {
		all = append(all, o.networkChecks()...)
		all = append(all, o.cacheChecks()...)
		all = append(all, o.fileChecks()...)
		all = append(all, Check{"team store", o.teamStore}, Check{"webhooks", o.webhooks}, Check{"metrics", o.metrics})
	}
	return append(all, Check{"mounts", o.mounts}, Check{"memory of mounts", o.memoryOfMounts})
}

func ok(format string, args ...any) Finding {
	return Finding{Verdict: OK, Says: fmt.Sprintf(format, args...)}
}

func warn(kind, mend, format string, args ...any) Finding {
	return Finding{Verdict: Warn, Kind: kind, Mend: mend, Says: fmt.Sprintf(format, args...)}
}

func fail(kind, mend, format string, args ...any) Finding {
	return Finding{Verdict: Fail, Kind: kind, Mend: mend, Says: fmt.Sprintf(format, args...)}
}

// with adds a fact.
func (f Finding) with(name string, value any) Finding {
	facts := map[string]any{name: value}
	for n, v := range f.Facts {
		facts[n] = v
	}
	f.Facts = facts
	return f
}

// failed is the failure that an error tells of.
func (o Options) failed(kind string, err error) Finding {
	problem, hint := o.Explain(err)
	return fail(kind, hint, "%s", problem)
}

// settings judges the profile, the environment and the options.
func (o Options) settings(context.Context) Finding {
	if o.Settings != nil {
		return o.failed("unusable", o.Settings)
	}
	return ok("can be used; veriffs config show says where each comes from")
}

func (o Options) secret(context.Context) Finding {
	switch {
	case o.Settings != nil:
		return warn("not-looked-at", "mend the settings first", "not looked for")
	case o.Secrets != nil:
		return o.failed("missing", o.Secrets)
	}
	return ok("is there").with("secrets", len(o.API.Secrets))
}

// keyring is only asked for the secret of the profile: asking for more could open a
// window on the user's desktop.
func (o Options) keyring(context.Context) Finding {
	switch {
	case o.Settings != nil:
		return warn("not-looked-at", "mend the settings first", "not looked for")
	case !o.Keyring:
		return ok("not used").with("used", false)
	case o.Secrets != nil:
		return o.failed("unusable", o.Secrets).with("used", true)
	}
	return ok("has the shared secret of the profile").with("used", true)
}
