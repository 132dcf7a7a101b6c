package command

import (
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// settings are everything that the rest of the program gets from the command line.
type settings struct {
	api          veriff.Config
	sessions     []string // files, absolute, or sessionlist.Stdin
	cache        cache.Options
	listTTL      time.Duration
	mountpoint   string
	noReadAhead  bool
	passive      bool // ask and erase nothing that was not asked for
	allowOther   bool
	owner        owner
	source       string         // in the table of mounts; "" for the account's
	allowOffline bool           // mount even if the API can't be reached
	webhook      webhookOptions // without an address there is no receiver
	metrics      string         // address of the metrics; "" for none
	profile      *profile       // where the secrets may be
	accessLog    accessLogOptions
	readers      readersOptions
	shown        listing.Selection // what of each listing the mount shows
	team         teamOptions
	bandwidth    *bandwidth // nil: no limit
	supervised   supervised
}

// readSettings reads the flags of commands that use the API and the cache, all
// but the secrets: see readSecrets.
func readSettings(c *cli.Context) (s settings, err error) {
	if s.profile, err = useProfile(c); err != nil {
		return s, err
	}
	if s.api, err = readAPI(c); err != nil {
		return s, err
	}
	if s.bandwidth, err = readBandwidth(c); err != nil {
		return s, err
	}
	s.api.Pace = s.bandwidth.pace()
	if s.listTTL, err = positive(flagListTTL, c.Duration(flagListTTL)); err != nil {
		return s, err
	}
	switch readAhead := c.String(flagReadAhead); readAhead {
	case "on", "off":
		s.noReadAhead = readAhead == "off"
	default:
		return s, usageError("--%s must be on or off, not %q", flagReadAhead, readAhead)
	}
	if s.cache, err = readCache(c, &s.api); err != nil {
		return s, err
	}
	if s.team, err = readTeam(c, s.cache.Ephemeral); err != nil {
		return s, err
	}
	s.team.pace = s.bandwidth.pace()
	if s.sessions, err = sessionFiles(c); err != nil {
		return s, err
	}
	if s.webhook, err = readWebhook(c, flagWebhook, s.sessions); err != nil {
		return s, err
	}
	if s.accessLog, err = readAccessLog(c); err != nil {
		return s, err
	}
	if s.readers, err = readReaders(c); err != nil {
		return s, err
	}
	if s.shown, err = readShown(c); err != nil {
		return s, err
	}
	if s.metrics, err = listenAddress(c, flagMetricsListen); err != nil {
		return s, err
	}
	s.allowOther, s.allowOffline = c.Bool(flagAllowOther), c.Bool(flagAllowOffline)
	if s.source, err = readSource(c); err != nil {
		return s, err
	}
	s.owner, err = readOwner(c)
	return s, err
}

// readSecrets adds the shared secrets. They may have to be asked for, so only
// what needs them reads them.
func (s *settings) readSecrets(c *cli.Context) (err error) {
	if s.api.Secrets, err = sharedSecrets(c, s.profile); err != nil {
		return err
	}
	for _, secret := range s.api.Secrets {
		s.cache.Secrets = append(s.cache.Secrets, []byte(secret))
	}
	return nil
}

func readAPI(c *cli.Context) (api veriff.Config, err error) {
	api = veriff.Config{BaseURL: c.String(flagAPIURL), APIKey: c.String(flagAPIKey), UserAgent: "veriffs/" + version}
	if api.Verify, err = veriff.ParseVerifyMode(c.String(flagVerify)); err != nil {
		return api, usageError("--%s must be require, present or off, not %q", flagVerify, c.String(flagVerify))
	}
	if api.Rate = c.Float64(flagRate); api.Rate < 0 {
		return api, usageError("--%s must not be less than 0", flagRate)
	}
	api.Connections, err = positive(flagConnections, c.Int(flagConnections))
	return api, err
}

// readCache reads the flags of an integration's cache.
func readCache(c *cli.Context, api *veriff.Config) (o cache.Options, err error) {
	if o.Limit, err = bytesFlag(c, flagCacheSize); err != nil {
		return o, err
	}
	if o.MinFree, err = shareFlag(c, flagMinFree); err != nil {
		return o, err
	}
	if o.MaxAge, err = ageFlag(c, flagCacheMaxAge); err != nil {
		return o, err
	}
	switch key := c.String(flagCacheKey); key {
	case cacheKeySecret:
	case cacheKeyEphemeral:
		o.Ephemeral = true
	default:
		return o, usageError("--%s must be %s or %s, not %q", flagCacheKey, cacheKeySecret, cacheKeyEphemeral, key)
	}
	dir, err := filepath.Abs(c.String(flagCacheDir))
	o.Dir, o.Beside = cacheDirs(dir, api)
	if o.Ephemeral { // an ephemeral cache erases everything in its directory
		o.Dir, o.Beside = o.Beside, o.Dir
	}
	return o, err
}
