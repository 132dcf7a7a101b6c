package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
	"veriffs/internal/sessionlist"
)

func (o Options) fileChecks() (all []Check) {
	for _, name := range o.Sessions {
		all = append(all, Check{"sessions file", func(context.Context) Finding { return sessionsFile(name) }})
	}
	return append(all, Check{"access log", o.accessLog}, Check{"installation key", o.installationKey})
}

func sessionsFile(name string) Finding {
	if name == sessionlist.Stdin {
		return ok("standard input, which is not read here")
	}
	bad, first := 0, 0
	ids, err := sessionlist.ReadFile(name, func(line int, _ string) {
		if bad++; bad == 1 {
			first = line
		}
	})
	f := ok("%s lists %d sessions", name, len(ids))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f = warn("missing", "add sessions with veriffs sessions add, or enter them by their id; a mount notices the file once it is there", "%s does not exist", name)
	case err != nil:
		f = fail("unreadable", "give a list of ids, a CSV export of the Customer Portal or webhook bodies (--sessions)", "%v", err)
	case bad > 0:
		f = warn("bad-lines", "correct them; the log of a mount names each", "%s lists %d sessions; %d lines are no ids, the first is line %d", name, len(ids), bad, first)
	}
	return f.with("sessions", len(ids)).with("bad_lines", bad)
}

// accessLog judges whether the log could be written, and asks the mounts that write it.
func (o Options) accessLog(context.Context) Finding {
	if o.AccessLog == "" {
		return ok("none is kept").with("kept", false)
	}
	base, err := logfile.BasePath(o.AccessLog)
	if err != nil {
		return fail("unusable", "name a file or a directory with --access-log", "%v", err).with("kept", true)
	}
	return o.judgeLog(base).with("kept", true)
}

func (o Options) judgeLog(base string) Finding {
	dir := filepath.Dir(base)
	if _, err := os.Stat(dir); err != nil {
		dir = nearest(base)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fail("not-writable", "name a place that you can write to with --access-log", "you can't write in %s", dir)
	}
	if info, err := os.Lstat(base); err == nil && (!info.Mode().IsRegular() || unix.Access(base, unix.R_OK|unix.W_OK) != nil) {
		return fail("unusable", "check who owns it, or name another file with --access-log", "%s can't be written, or is no file", base)
	}
	begun, err := logfile.Begun(base)
	if err != nil {
		return fail("unusable", "check the files beside it", "%v", err)
	}
	i := slices.IndexFunc(o.Mounts, func(m Mount) bool {
		return m.Status != nil && m.Status.AccessLog != nil && m.Status.AccessLog.Path == base
	})
	if i >= 0 {
		switch status := o.Mounts[i].Status.AccessLog; {
		case status.Failing != "":
			return fail("failing", "make room for it, or mend its disk", "the mount on %s can't write it: %s", o.Mounts[i].Point, status.Failing)
		case status.Lost > 0:
			return warn("lost", "veriffs log show --op log-gap says when", "%d records of the mount on %s are lost", status.Lost, o.Mounts[i].Point).with("lost", status.Lost)
		}
	}
	return ok("%s can be written; veriffs log verify looks for changes", base).with("begun", begun)
}

// installationKey judges the key, which must be there once a log has begun.
func (o Options) installationKey(context.Context) Finding {
	key, err := installation.Load(o.Key)
	if err == nil {
		return ok("%s", key.Fingerprint())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return o.failed("unusable", err)
	}
	if o.AccessLog != "" {
		if begun, _ := logfile.Begun(o.AccessLog); begun { // an error is the access log's own
			return fail("missing", "restore it from a backup, or name it with --installation-key; to begin with a new key, move the log's files away",
				"%s is missing, and the access log is signed with it", o.Key)
		}
	}
	return ok("none yet; it is made when it is needed")
}
