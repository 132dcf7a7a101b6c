package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"veriffs/internal/control"
	"veriffs/internal/exhibit"
	"veriffs/veriff"
)

const flagMetricsListen = "metrics-listen"

// keeperFlags are the flags of commands that work on a running mount or, if none
// runs, on an integration's cache.
func keeperFlags(own ...cli.Flag) []cli.Flag {
	flags := append(own, mountFlag())
	flags = append(flags, apiFlags()...)
	flags = append(flags, cacheFlags()...)
	flags = append(flags, teamFlags()...)
	flags = append(flags, accessLogFlags()...)
	return append(flags, logFlags()...)
}

// keeper is what a command works on: a running mount or, if none runs, a library
// of its own.
type keeper struct {
	control.Keeper
	exhibits exhibit.Source
	records  *accessLog      // of this process; nil with a mount, and if none is kept
	mount    *control.Client // nil without a mount
	settings settings        // the zero value if they are incomplete
	close    func()
}

// need is what a command needs where no mount is running.
type need int

const (
	tidies  need = iota // a cache that is there; the API is not asked
	asks                // a cache, and the API where the cache does not know
	fetches             // a cache that keeps to its limit, and an API that takes the credentials
	records             // a cache that keeps to its limit, and the API if it answers, for what the cache lacks
)

// withKeeper runs f with what the command is to work on, as newKeeper brings it up, and
// adds to its error what the user can do.
func withKeeper(c *cli.Context, need need, f func(*keeper) error) error {
	k, err := newKeeper(c, need)
	if err != nil {
		return err
	}
	defer k.close()
	return trouble(f(k))
}

// newKeeper brings up what the command is to work on: the mount that is meant or,
// if that account has none, its cache, opened as the command needs it. A wrong
// setting is an error, never a reason to work on another mount.
func newKeeper(c *cli.Context, need need) (*keeper, error) {
	if !c.IsSet(flagLogLevel) {
		if err := c.Set(flagLogLevel, "warn"); err != nil { // the command itself reports what it did
			return nil, err
		}
	}
	s, err := readSettings(c)
	if err != nil {
		return nil, err
	}
	mounts := control.Find(c.Context)
	m, err := meantMount(c, mounts, &s)
	if m == nil && err == nil {
		err = s.readSecrets(c)
		if errors.Is(err, errNoSecret) && len(mounts) > 0 && !namesAccount(c) {
			m, err = namedMount(c, mounts, &s) // the only one
		}
	}
	if err != nil {
		return nil, err
	}
	if m != nil {
		return &keeper{Keeper: m, exhibits: m, mount: m, settings: s, close: func() {}}, nil
	}
	log, logFile, err := newLogger(c)
	if err != nil {
		return nil, err
	}
	k, err := openLibrary(c.Context, s, need, log)
	if err != nil {
		logFile.Close()
		return nil, err
	}
	own, exhibits := control.Keeper(k.library), exhibit.Of(k.library)
	if k.records != nil {
		own, exhibits = control.Recorded(own, k.records), control.RecordedExhibits(exhibits, k.records)
	}
	return &keeper{Keeper: own, exhibits: exhibits, records: k.records, settings: s, close: func() {
		k.close()
		logFile.Close()
	}}, nil
}

// openLibrary brings up a stack without a mount. A command that fetches nothing
// must not evict anything by opening the cache, so it gets no limit.
func openLibrary(ctx context.Context, s settings, need need, log *slog.Logger) (_ *stack, err error) {
	k := new(stack)
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	if k.records, err = openAccessLog(&s, log); err != nil {
		return nil, err
	}
	s.api.Logger, s.cache.Logger, s.noReadAhead, s.passive = log, log, true, true
	s.cache.Damaged = k.records.damaged
	if need == fetches || need == records {
		warnOfSmallCache(s.cache.Limit, log)
	} else {
		s.cache.Limit, s.cache.MinFree = unlimited, 0
	}
	s.api.SHA256 = need == records || k.recorded(&s)
	if k.client, err = veriff.New(s.api); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(s.cache.Dir); need == tidies && errors.Is(err, os.ErrNotExist) {
		return nil, &hinted{code: exitCache,
			err:  fmt.Errorf("there is no cache in %s, so nothing was looked at", s.cache.Dir),
			hint: "check --cache-dir, --api-url and --api-key: each account has a cache of its own"}
	}
	if k.cache, err = openCache(ctx, s.cache, "", log); err != nil {
		return nil, err
	}
	if need == fetches {
		if err := probe(ctx, k.client, false, log); err != nil {
			return nil, err
		}
	}
	// A command that only tidies up here has no use for a store that does not answer.
	check := need == fetches || need == records
	if k.team, k.closeTeam, err = openTeam(ctx, s.team, k.cache, check, log); err != nil {
		return nil, err
	}
	if k.library, err = newLibrary(k, s, log); err != nil {
		return nil, err
	}
	return k, nil
}

// unlimited is more bytes than any disk has.
const unlimited = 1 << 60

// cacheDir is the directory of the cache that the command works on.
func (k *keeper) cacheDir() string {
	if k.mount != nil {
		return k.mount.CacheDir
	}
	return k.settings.cache.Dir
}

// serveControl makes a mount answer on its control socket. A mount works without
// one, so a missing socket is only a warning, unless the user asked for an address
// for the metrics.
func serveControl(k *stack, s settings, log *slog.Logger) (close func(), err error) {
	o := control.Options{
		Library: k.library, Exhibits: exhibit.Of(k.library), Metrics: s.metrics, Bandwidth: s.bandwidth.bytes(), Logger: log,
		Mount: control.ThisProcess(s.mountpoint, account(&s.api), s.cache.Dir, version),
	}
	o.Mount.Restarts, o.Mount.Supervisor = s.supervised.restarts, s.supervised.by
	if k.records != nil {
		o.AccessLog, o.Arguments = k.records, k.records.arguments
	}
	server, err := control.Serve(o)
	switch {
	case err == nil:
		return server.Close, nil
	case s.metrics != "":
		return nil, fmt.Errorf("--%s: %w", flagMetricsListen, err)
	default:
		log.Warn("no control socket: veriffs status, warm and similar commands can't reach this mount", "error", err)
		return func() {}, nil
	}
}
