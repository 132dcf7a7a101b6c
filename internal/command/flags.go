package command

import (
	"path/filepath"
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
	flagAPIURL       = "api-url"
	flagAPIKey       = "api-key"
	flagSecretFile   = "shared-secret-file"
	flagSessions     = "sessions"
	flagCacheDir     = "cache-dir"
	flagCacheSize    = "cache-size"
	flagVerify       = "verify"
	flagConnections  = "connections"
	flagRate         = "rate"
	flagListTTL      = "list-ttl"
	flagReadAhead    = "read-ahead"
	flagAllowOther   = "allow-other"
	flagAllowOffline = "allow-offline"
	flagBackground   = "background"
	flagLogLevel     = "log-level"
	flagLogFormat    = "log-format"
	flagLogFile      = "log-file"
)

// Groups of flags in the help.
const (
	groupAPI   = "The API"
	groupMount = "The mount"
	groupCache = "The cache"
	groupLog   = "The log"
)

// variables are the environment variables that set a flag: VERIFFS_ and its
// name, after others that are also usual.
func variables(flag string, others ...string) []string {
	return append(others, "VERIFFS_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_")))
}

// apiFlags say which integration to ask, and how.
func apiFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagAPIURL, Category: groupAPI, EnvVars: variables(flagAPIURL, "VERIFF_API_URL"),
			Usage: "base `URL` of the API, as the integration's page in the Customer Portal shows it"},
		&cli.StringFlag{Name: flagAPIKey, Category: groupAPI, EnvVars: variables(flagAPIKey, "VERIFF_API_KEY"),
			Usage: "the integration's API `KEY`"},
		&cli.StringFlag{Name: flagSecretFile, Category: groupAPI, EnvVars: variables(flagSecretFile), TakesFile: true,
			Usage: "`FILE` with the integration's shared secret, or several: the first signs, all verify (or set " + secretVariable + ")"},
		&cli.StringFlag{Name: flagVerify, Category: groupAPI, EnvVars: variables(flagVerify), Value: veriff.VerifyRequire.String(),
			Usage: "`WHAT` is demanded of the signature of a reply: require, present (may be missing, not wrong) or off"},
		&cli.IntFlag{Name: flagConnections, Category: groupAPI, EnvVars: variables(flagConnections), Value: 16,
			Usage: "at most `N` requests at once"},
		&cli.Float64Flag{Name: flagRate, Category: groupAPI, EnvVars: variables(flagRate), DefaultText: "no limit",
			Usage: "at most `N` requests a second"},
		&cli.StringFlag{Name: flagReadAhead, Category: groupAPI, EnvVars: variables(flagReadAhead), Value: "on",
			Usage: "`on` fetches ahead of a program that opens one file after the other, off only what is opened"},
		&cli.DurationFlag{Name: flagListTTL, Category: groupAPI, EnvVars: variables(flagListTTL), Value: library.DefaultListTTL,
			Usage: "`TIME` after which a session's listing is asked for again"},
	}
}

func cacheFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagCacheDir, Category: groupCache, EnvVars: variables(flagCacheDir), Value: filepath.Join(xdg.CacheHome, "veriffs"), DefaultText: "veriffs in the user's cache directory",
			Usage: "`DIR` for the encrypted cache"},
		&cli.StringFlag{Name: flagCacheSize, Category: groupCache, EnvVars: variables(flagCacheSize), Value: "10GiB",
			Usage: "`SIZE` that the cache never exceeds on disk"},
	}
}

func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagLogLevel, Category: groupLog, EnvVars: variables(flagLogLevel), Value: "info",
			Usage: "log what is of this `LEVEL` or above: debug, info, warn, error"},
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
		return 0, usageError("--%s is a size such as 10GiB or 500MB, not %q", name, c.String(name))
	}
	return int64(n), nil
}

// positive reads a duration or a number that must be more than nothing.
func positive[T time.Duration | int](name string, v T) (T, error) {
	if v <= 0 {
		return 0, usageError("--%s must be more than 0", name)
	}
	return v, nil
}
