package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
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

// loadKey returns the installation's key, or nil if there is none.
func loadKey(path string) (*installation.Key, error) {
	key, err := installation.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return key, err
}
