package command

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// Names of the flags that more than one place needs.
const (
	flagProfile      = "profile"
	flagAPIURL       = "api-url"
	flagAPIKey       = "api-key"
	flagSecretFile   = "shared-secret-file"
	flagSessions     = "sessions"
	flagCacheDir     = "cache-dir"
	flagCacheSize    = "cache-size"
	flagCacheMaxAge  = "cache-max-age"
	flagCacheKey     = "cache-key"
	flagMinFree      = "min-free"
	flagVerify       = "verify"
	flagConnections  = "connections"
	flagRate         = "rate"
	flagBandwidth    = "bandwidth"
	flagListTTL      = "list-ttl"
	flagReadAhead    = "read-ahead"
	flagAllowOther   = "allow-other"
	flagAllowOffline = "allow-offline"
	flagBackground   = "background"
	flagListen       = "listen"
	flagWebhook      = "webhook-listen"
	flagTLSCert      = "tls-cert"
	flagTLSKey       = "tls-key"
	flagLogLevel     = "log-level"
	flagLogFormat    = "log-format"
	flagLogFile      = "log-file"
)

// Groups of flags in the help.
const (
	groupAPI   = "The API"
	groupMount = "The mount"
	groupHook  = "Webhooks"
	groupCache = "The cache"
	groupLog   = "The log"

	groupRecords = "The access log"
	groupTeam    = "The team store"
)

// variables are the environment variables that set a flag: the given ones first,
// then VERIFFS_ and the flag's name.
func variables(flag string, others ...string) []string {
	return append(others, "VERIFFS_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_")))
}

// ignoreEmptyVariables makes an empty variable set nothing, unless it is about readers:
// an empty list must not let everybody read. The flags' library takes it for an empty
// value.
func ignoreEmptyVariables() {
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" && strings.HasPrefix(name, "VERIFF") && !slices.Contains(readersVariables, name) {
			_ = os.Unsetenv(name)
		}
	}
}

// profileFlag names the profile for settings that neither the command line nor
// the environment gives.
func profileFlag() cli.Flag {
	return &cli.StringFlag{Name: flagProfile, Category: groupAPI, EnvVars: variables(flagProfile), DefaultText: "the profile named default, if it exists",
		Usage: "profile `NAME` for settings not given otherwise (see veriffs login)"}
}

// apiFlags choose the integration and how to ask it.
func apiFlags() []cli.Flag {
	return []cli.Flag{
		profileFlag(),
		&cli.StringFlag{Name: flagAPIURL, Category: groupAPI, EnvVars: variables(flagAPIURL, "VERIFF_API_URL"),
			Usage: "base `URL` of the API, as shown on the integration's page in the Customer Portal"},
		&cli.StringFlag{Name: flagAPIKey, Category: groupAPI, EnvVars: variables(flagAPIKey, "VERIFF_API_KEY"),
			Usage: "the integration's API `KEY`"},
		&cli.StringFlag{Name: flagSecretFile, Category: groupAPI, EnvVars: variables(flagSecretFile), TakesFile: true,
			Usage: "`FILE` with the integration's shared secret, or several: the first signs, all verify (or set " + secretVariable + ")"},
		&cli.StringFlag{Name: flagVerify, Category: groupAPI, EnvVars: variables(flagVerify), Value: veriff.VerifyRequire.String(),
			Usage: "`WHAT` to demand of the signature of each reply: require, present (may be missing but not wrong) or off"},
		&cli.IntFlag{Name: flagConnections, Category: groupAPI, EnvVars: variables(flagConnections), Value: 16,
			Usage: "at most `N` requests at once"},
		&cli.Float64Flag{Name: flagRate, Category: groupAPI, EnvVars: variables(flagRate), DefaultText: "no limit",
			Usage: "at most `N` requests a second"},
		&cli.StringFlag{Name: flagBandwidth, Category: groupAPI, EnvVars: variables(flagBandwidth), DefaultText: "no limit",
			Usage: "fetch files at `RATE` at most, such as 5MB/s or 40Mbit/s, from the API and the team store together"},
		&cli.StringFlag{Name: flagReadAhead, Category: groupAPI, EnvVars: variables(flagReadAhead), Value: "on",
			Usage: "`on|off`: whether to fetch ahead of a program that opens one file after the other"},
		&cli.DurationFlag{Name: flagListTTL, Category: groupAPI, EnvVars: variables(flagListTTL), Value: library.DefaultListTTL,
			Usage: "`TIME` until a session's listing is stale and requested again"},
	}
}

// defaultCacheDir is the directory of the caches of all accounts if none is named.
func defaultCacheDir() string { return filepath.Join(xdg.CacheHome, "veriffs") }

func cacheFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagCacheDir, Category: groupCache, EnvVars: variables(flagCacheDir), Value: defaultCacheDir(), DefaultText: "veriffs in the user's cache directory",
			Usage: "`DIR` for the encrypted cache"},
		&cli.StringFlag{Name: flagCacheSize, Category: groupCache, EnvVars: variables(flagCacheSize), Value: "10GiB",
			Usage: "most `SIZE` that the cache takes on disk"},
		&cli.StringFlag{Name: flagMinFree, Category: groupCache, EnvVars: variables(flagMinFree), Value: "5%",
			Usage: "`SHARE` of the file system to leave free"},
		&cli.StringFlag{Name: flagCacheMaxAge, Category: groupCache, EnvVars: variables(flagCacheMaxAge), Value: "0",
			Usage: "erase files fetched more than `TIME` ago, such as 30d or 12h; 0 is never"},
		&cli.StringFlag{Name: flagCacheKey, Category: groupCache, EnvVars: variables(flagCacheKey), Value: cacheKeySecret,
			Usage: "`WHAT` encrypts the cache: secret (the shared secret) or ephemeral (a key kept in memory only: unmounting erases the cache)"},
	}
}

// Values of --cache-key.
const (
	cacheKeySecret    = "secret"
	cacheKeyEphemeral = "ephemeral"
)

func sessionsFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: flagSessions, Category: groupMount, EnvVars: variables(flagSessions), TakesFile: true,
		DefaultText: "veriffs/sessions.txt in the user's data directory", Usage: usage}
}

// webhookFlags are the flags of a webhook receiver, wherever it runs; listen is
// the one for its address.
func webhookFlags(listen cli.Flag) []cli.Flag {
	return []cli.Flag{
		listen,
		&cli.StringFlag{Name: flagTLSCert, Category: groupHook, EnvVars: variables(flagTLSCert), TakesFile: true,
			Usage: "serve TLS with the certificate chain in `FILE` (PEM)"},
		&cli.StringFlag{Name: flagTLSKey, Category: groupHook, EnvVars: variables(flagTLSKey), TakesFile: true,
			Usage: "`FILE` with the certificate's private key (PEM)"},
	}
}

func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagLogLevel, Category: groupLog, EnvVars: variables(flagLogLevel), Value: "info",
			Usage: "log messages of this `LEVEL` or above: debug, info, warn or error"},
		&cli.StringFlag{Name: flagLogFormat, Category: groupLog, EnvVars: variables(flagLogFormat), Value: "text",
			Usage: "`FORMAT` of the log: text or json"},
		&cli.StringFlag{Name: flagLogFile, Category: groupLog, EnvVars: variables(flagLogFile), TakesFile: true, DefaultText: "standard error",
			Usage: "append the log to `FILE`"},
	}
}

// bytesFlag reads a size such as 10GiB, 500MB or 1048576.
func bytesFlag(c *cli.Context, name string) (int64, error) {
	n, err := humanize.ParseBytes(c.String(name))
	if err != nil || n == 0 || n > 1<<62 {
		return 0, usageError("--%s must be a size such as 10GiB or 500MB, not %q", name, c.String(name))
	}
	return int64(n), nil
}

// smallCache is less than prefetch alone can fill, or a few videos.
const smallCache = 64 << 20

// warnOfSmallCache warns of a limit that is probably a mistake.
func warnOfSmallCache(limit int64, log *slog.Logger) {
	if limit < smallCache {
		log.Warn("the cache is so small that files evict each other and are fetched again and again",
			flagCacheSize, bytesText(limit), "advice", "set 64MiB or more")
	}
}

// shareFlag reads a percentage and returns it as a fraction.
func shareFlag(c *cli.Context, name string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(c.String(name)), "%")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !percent || !(n >= 0 && n < 100) {
		return 0, usageError("--%s must be a percentage such as 5%%, not %q", name, c.String(name))
	}
	return n / 100, nil
}

// ageFlag reads a duration in days, such as 30d, or one that Go understands. 0
// means no limit.
func ageFlag(c *cli.Context, name string) (time.Duration, error) {
	text := c.String(name)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		// A century, which still fits into a Duration.
		if n, err := strconv.ParseUint(days, 10, 64); err == nil && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	return 0, usageError("--%s must be a time such as 30d or 12h, not %q", name, text)
}

// positive refuses a duration or a number that is not above 0.
func positive[T time.Duration | int](name string, v T) (T, error) {
	if v <= 0 {
		return 0, usageError("--%s must be more than 0", name)
	}
	return v, nil
}

// jsonFlag asks for a result that programs read.
func jsonFlag(usage string) cli.Flag { return &cli.BoolFlag{Name: "json", Usage: usage} }

// printJSON prints a result for programs.
func printJSON(c *cli.Context, v any) error {
	e := json.NewEncoder(c.App.Writer)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
