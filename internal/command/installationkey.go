package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
	"veriffs/internal/library"
)

// openKey opens the key of this installation, and makes it if there is none. Where an
// access log was begun none is made, for that log is signed with the one that is missing.
// log is "" if none is kept.
func openKey(file, log string) (*installation.Key, error) {
	if log == "" {
		return installation.Open(file)
	}
	begun, err := logfile.Begun(log)
	switch {
	case err != nil:
		return nil, &accesslog.Error{Path: log, Err: err, Hint: "name a file or a directory with --" + flagAccessLog}
	case !begun:
		return installation.Open(file)
	}
	key, err := installation.Load(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hinted{code: exitRecords,
			err:  fmt.Errorf("%w; it signs the access log %s, so no other was made", err, log),
			hint: "name the file of the log's key with --" + flagInstallationKey + ", or restore it from a backup; to begin with a new key, move the log's files away"}
	}
	return key, err
}

// installationKey opens the key that signs what the command makes.
func (k *keeper) installationKey(ctx context.Context) (*installation.Key, error) {
	log, err := k.accessLogPath(ctx)
	if err != nil {
		return nil, err
	}
	return openKey(k.settings.accessLog.key, log)
}

// thisMember says to a team who holds a session. Without the key of this installation, which
// it makes if it is to, there are the machine and the cache.
func thisMember(s settings, log *slog.Logger) func(make bool) library.Member {
	host, err := os.Hostname() // which may change while a mount is up
	if err != nil {
		log.Debug("the name of this machine is not known", "error", err)
	}
	return func(make bool) library.Member {
		m := library.Member{Host: host, Cache: s.cache.Dir}
		var key *installation.Key
		var err error
		if make {
			key, err = openKey(s.accessLog.key, s.accessLog.path)
		} else {
			key, err = loadKey(s.accessLog.key)
		}
		switch {
		case err != nil:
			log.Warn("the team is told of holds without naming this installation", "error", err)
		case key != nil:
			m.Installation = key.Fingerprint()
		}
		return m
	}
}

// loadKey returns the installation's key, or nil if there is none.
func loadKey(path string) (*installation.Key, error) {
	key, err := installation.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return key, err
}
