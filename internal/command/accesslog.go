package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/accesslog/writer"
	"veriffs/internal/caller"
	"veriffs/internal/installation"
	"veriffs/internal/library"
)

// Names of the flags about the access log.
const (
	flagAccessLog          = "access-log"
	flagAccessLogMode      = "access-log-mode"
	flagAccessLogAnchor    = "access-log-anchor"
	flagAccessLogKeep      = "access-log-keep"
	flagAccessLogArguments = "access-log-arguments"
	flagInstallationKey    = "installation-key"
)

// accessLogFlags say where to record who opened what.
func accessLogFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagAccessLog, Category: groupRecords, EnvVars: variables(flagAccessLog), DefaultText: "none is kept",
			Usage: "record each open, and each command, in `FILE|DIR`"},
		&cli.StringFlag{Name: flagAccessLogMode, Category: groupRecords, EnvVars: variables(flagAccessLogMode), Value: string(accesslog.BestEffort),
			Usage: "`MODE` of the access log: required (what can't be recorded can't be opened) or best-effort (a gap is recorded)"},
		&cli.GenericFlag{Name: flagAccessLogAnchor, Category: groupRecords, EnvVars: variables(flagAccessLogAnchor), Value: new(anchors),
			Usage: "send checkpoints of the access log to `WHERE`: syslog:, exec:COMMAND, file:PATH or s3://BUCKET/PREFIX; may be repeated"},
		&cli.StringFlag{Name: flagAccessLogKeep, Category: groupRecords, EnvVars: variables(flagAccessLogKeep), Value: "0",
			Usage: "delete records of the access log after `TIME`, such as 400d, at least 1d; 0 is never"},
		&cli.BoolFlag{Name: flagAccessLogArguments, Category: groupRecords, EnvVars: variables(flagAccessLogArguments),
			Usage: "record the command lines of programs, which may hold secrets"},
		&cli.StringFlag{Name: flagInstallationKey, Category: groupRecords, EnvVars: variables(flagInstallationKey), TakesFile: true,
			DefaultText: "veriffs/installation.key in the user's data directory",
			Usage:       "`FILE` with the key that signs the access log; it is made if there is none, and no log either"},
	}
}

// anchors are the values of --access-log-anchor. Those of the environment, one in a
// line, and those of the command line add up.
type anchors struct {
	all   []anchor.Anchor
	texts []string
	err   error // why one can't be used
}

// Set implements cli.Generic. It never fails: the flags' library would quote a text that
// may hold a password.
func (a *anchors) Set(value string) error {
	for text := range strings.Lines(value) {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		parsed, err := parseAnchor(text)
		if err != nil {
			a.err, text = err, "…"
		}
		a.all, a.texts = append(a.all, parsed), append(a.texts, text)
	}
	return nil
}

// String implements cli.Generic.
func (a *anchors) String() string { return strings.Join(a.texts, "\n") }

// Get implements flag.Getter, without which the flags' library panics when asked for the value.
func (a *anchors) Get() any { return a.String() }

// shortestKeep is the least that --access-log-keep takes. What is shorter is a mistake, such
// as 13m by who means months, and destroys the log.
const shortestKeep = 24 * time.Hour

// accessLogOptions are the settings of the access log.
type accessLogOptions struct {
	path      string // "": none is kept
	mode      accesslog.Mode
	keep      time.Duration
	anchors   []anchor.Anchor
	arguments bool
	key       string // a file
}

func readAccessLog(c *cli.Context) (o accessLogOptions, err error) {
	o.path, o.arguments, o.key = c.String(flagAccessLog), c.Bool(flagAccessLogArguments), c.String(flagInstallationKey)
	if o.mode, err = accesslog.ParseMode(c.String(flagAccessLogMode)); err != nil {
		return o, usageError("--%s %w", flagAccessLogMode, err)
	}
	if o.keep, err = ageFlag(c, flagAccessLogKeep); err != nil {
		return o, err
	}
	if o.keep > 0 && o.keep < shortestKeep {
		return o, usageError("--%s %s would delete records at once: it takes 1d or more, such as 400d, and m is for minutes", flagAccessLogKeep, c.String(flagAccessLogKeep))
	}
	if given, ok := c.Generic(flagAccessLogAnchor).(*anchors); ok {
		if given.err != nil {
			return o, usageError("--%s %w", flagAccessLogAnchor, given.err)
		}
		o.anchors = given.all
	}
	if o.key == "" {
		o.key = installation.DefaultPath()
	} else if o.key, err = filepath.Abs(o.key); err != nil { // a background process changes its directory
		return o, err
	}
	// Who asked for one of these believes that there is a log.
	for _, flag := range []string{flagAccessLogMode, flagAccessLogAnchor, flagAccessLogKeep, flagAccessLogArguments} {
		if o.path == "" && given(c, flag) {
			return o, usageError("--%s needs --%s", flag, flagAccessLog)
		}
	}
	return o, nil
}

// accessLog is the open access log of this process. One that is nil records nothing.
type accessLog struct {
	*writer.Log
	arguments bool
	log       *slog.Logger
	mounted   bool // the begin of the mount is recorded
}

// openAccessLog opens the log that the settings name; without one it returns nil. A
// log that can't be used is an error in every mode: somebody relies on it.
func openAccessLog(s *settings, log *slog.Logger) (*accessLog, error) {
	o := s.accessLog
	if o.path == "" {
		return nil, nil
	}
	if err := outside(o.path, s.mountpoint, "the mount point"); err != nil {
		return nil, err
	}
	if err := outside(o.path, s.cache.Dir, "the cache"); err != nil {
		return nil, err
	}
	key, err := openKey(o.key, o.path)
	if err != nil {
		return nil, err
	}
	common := accesslog.Record{Version: version, Account: account(&s.api), Mountpoint: s.mountpoint}
	if s.profile != nil {
		common.Profile = s.profile.name
	}
	opened, err := writer.Open(writer.Options{
		Path: o.path, Mode: o.mode, Keep: o.keep, Anchors: o.anchors, Key: key, Common: common, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return &accessLog{Log: opened, arguments: o.arguments, log: log}, nil
}

// outside refuses a log in a directory where it can't be: a process that writes to
// its own mount waits for itself, and a purge would find the log in the cache.
func outside(path, dir, what string) error {
	base, err := logfile.BasePath(path)
	if err != nil || dir == "" {
		return err
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(base)); err == nil {
		base = filepath.Join(real, filepath.Base(base))
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(dir)); err == nil {
		dir = filepath.Join(real, filepath.Base(dir))
	}
	if rel, err := filepath.Rel(dir, base); err == nil && filepath.IsLocal(rel) {
		return usageError("--%s must not be in %s", flagAccessLog, what)
	}
	return nil
}

// begin records that a mount begins.
func (a *accessLog) begin(s *settings) error {
	if a == nil {
		return nil
	}
	who := caller.Self()
	detail, err := json.Marshal(map[string]any{
		"allow_other": s.allowOther, "verify": s.api.Verify.String(), "access_log_mode": a.Mode(), "arguments": a.arguments,
		"allow_user": s.readers.users, "allow_group": s.readers.groups, "open_budget": s.readers.budgetText(), "shown": s.shown,
	})
	if err != nil {
		return err
	}
	if err := a.Mounted(accesslog.Record{Caller: &who, Detail: detail}); err != nil {
		return &hinted{err: fmt.Errorf("the mount can't be recorded: %w", err), code: exitRecords,
			hint: "make room for " + a.Path() + ", or mount without --" + flagAccessLogMode + " required"}
	}
	a.mounted = true
	return nil
}

// end records that the mount has ended, and how, or why it did not begin, and closes
// the log.
func (a *accessLog) end(how string, err error) {
	if a == nil {
		return
	}
	who := caller.Self()
	r := accesslog.Record{Caller: &who}
	if err != nil {
		r.Outcome, r.Error = accesslog.Failed, err.Error()
	}
	wrote := error(nil)
	if a.mounted {
		r.Detail, _ = json.Marshal(map[string]string{"end": how})
		wrote = a.Unmounted(r)
	} else if err != nil {
		r.Operation = accesslog.OpMount
		wrote = a.Record(context.Background(), r)
	}
	if err := errors.Join(wrote, a.Close()); err != nil {
		a.log.Error("the access log was not closed in order", "error", err)
	}
}

// distrusted records a reply whose signature is wrong.
func (a *accessLog) distrusted(about library.Subject, err error) {
	a.suspect(about, accesslog.Record{From: accesslog.FromAPI}, err)
}

// damaged records an object of the cache that is not what was stored.
func (a *accessLog) damaged(object string, k cache.Key, err error) {
	detail, _ := json.Marshal(map[string]string{"object": object})
	a.suspect(library.SubjectOf(k), accesslog.Record{From: accesslog.FromCache, Detail: detail}, err)
}

func (a *accessLog) suspect(about library.Subject, r accesslog.Record, err error) {
	if a == nil {
		return
	}
	r.Operation, r.Outcome, r.Error, r.Document = accesslog.OpVerify, accesslog.Failed, err.Error(), about.Document
	for _, id := range []struct {
		text *string
		id   interface {
			IsZero() bool
			String() string
		}
	}{{&r.Session, about.Session}, {&r.Attempt, about.Attempt}, {&r.Media, about.Media}} {
		if !id.id.IsZero() {
			*id.text = id.id.String()
		}
	}
	if err := a.Record(context.Background(), r); err != nil {
		a.log.Error("a failed verification could not be recorded", "error", err)
	}
}

// accessLogText says how an access log is, to a person.
func accessLogText(s accesslog.Status, now time.Time) string {
	text := fmt.Sprintf("%s, %s, %d records", s.Path, s.Mode, s.Records)
	if s.Lost > 0 {
		text += fmt.Sprintf("; %d LOST", s.Lost)
	}
	if s.Failing != "" {
		text += fmt.Sprintf("; CAN'T BE WRITTEN, %d records wait: %s", s.Waiting, s.Failing)
	}
	for _, a := range s.Anchors {
		switch {
		case a.Taken.IsZero():
			text += "; " + a.Name + " has no checkpoint of this mount"
		default:
			text += fmt.Sprintf("; %s has %d, since %s", a.Name, a.Records, now.Sub(a.Taken).Round(time.Second))
		}
	}
	return text
}
