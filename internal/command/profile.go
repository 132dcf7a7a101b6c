package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"veriffs/internal/config"
)

const flagSystem = "system"

// systemFlag makes a command work on the profiles of the machine.
func systemFlag(usage string) cli.Flag {
	return &cli.BoolFlag{Name: flagSystem, Usage: usage}
}

// profilesFile is the file of profiles that a command writes to.
func profilesFile(c *cli.Context) string {
	if c.Bool(flagSystem) {
		return config.SystemPath
	}
	return config.Path()
}

// defaultProfile is the profile used when none is named, if it exists.
const defaultProfile = "default"

// profile is the profile in use; nil if there is none.
type profile struct {
	*config.Profile
	name string
}

// useProfile sets the flags that neither the command line nor the environment sets
// to the profile's values. It returns the profile, which says where the secrets
// are.
func useProfile(c *cli.Context) (*profile, error) {
	name := c.String(flagProfile)
	loaded, err := config.Find(profileName(c))
	if name == "" && errors.Is(err, config.ErrNoProfile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string][]string{
		flagAPIURL: {loaded.APIURL}, flagAPIKey: {loaded.APIKey}, flagVerify: {loaded.Verify}, flagListTTL: {loaded.ListTTL},
		flagBandwidth: {loaded.Bandwidth}, flagCacheDir: {loaded.CacheDir}, flagCacheSize: {loaded.CacheSize}, flagCacheMaxAge: {loaded.CacheMaxAge},
		flagCacheKey: {loaded.CacheKey}, flagMinFree: {loaded.MinFree},
		flagSessions:  loaded.Sessions,
		flagAllowUser: loaded.AllowUser, flagAllowGroup: loaded.AllowGroup, flagOpenBudget: {loaded.OpenBudget},
		flagAccessLog: {loaded.AccessLog}, flagAccessLogMode: {loaded.AccessLogMode}, flagAccessLogKeep: {loaded.AccessLogKeep},
		flagTeamStore: {loaded.TeamStore}, flagTeamEndpoint: {loaded.TeamStoreEndpoint}, flagTeamRegion: {loaded.TeamStoreRegion},
		flagTeamPatience: {loaded.TeamStorePatience}, flagTeamMaxAge: {loaded.TeamStoreMaxAge},
		flagAccessLogAnchor: loaded.AccessLogAnchor, flagInstallationKey: {loaded.InstallationKey},
	}
	for flag, set := range map[string]bool{
		flagAllowOther:         loaded.AllowOther,
		flagAccessLogArguments: loaded.AccessLogArguments, flagTeamPathStyle: loaded.TeamStorePathStyle, flagTeamPad: loaded.TeamStorePad,
	} {
		if set {
			values[flag] = []string{"true"}
		}
	}
	if showsFiles(c) {
		values[flagOnlyContexts] = []string{loaded.OnlyContexts}
		for flag, set := range map[string]bool{flagNoVideo: loaded.NoVideo, flagNoNFC: loaded.NoNFC} {
			if set {
				values[flag] = []string{"true"}
			}
		}
	}
	if loaded.Connections != 0 {
		values[flagConnections] = []string{strconv.Itoa(loaded.Connections)}
	}
	for _, f := range c.Command.Flags {
		flag := f.Names()[0]
		if listsReaders(flag) && values[flag] != nil && isEmpty(values[flag]) {
			values[flag] = []string{" "}
		}
		if given(c, flag) || isEmpty(values[flag]) {
			continue
		}
		for _, value := range values[flag] {
			if err := c.Set(flag, value); err != nil {
				return nil, usageError("the profile's value of %s is invalid", flag)
			}
		}
	}
	return &profile{loaded, profileName(c)}, nil
}

// given reports whether the command line or the environment sets a flag. An empty
// variable sets nothing, but for lists of readers.
func given(c *cli.Context, flag string) bool {
	if listsReaders(flag) {
		return c.IsSet(flag)
	}
	if list, ok := c.Value(flag).(cli.StringSlice); ok {
		return !isEmpty(list.Value())
	}
	return c.IsSet(flag) && fmt.Sprint(c.Value(flag)) != ""
}

func isEmpty(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != "" })
}

func profileName(c *cli.Context) string {
	if name := c.String(flagProfile); name != "" {
		return name
	}
	return defaultProfile
}

// secrets returns the text of a profile's shared secrets from where the profile
// keeps them, or "" if it has none.
func (p *profile) secrets(ctx context.Context) (string, error) {
	switch {
	case p == nil:
		return "", nil
	case p.SecretFile != "":
		return readSecretFile(p.SecretFile)
	case len(p.SecretCommand) > 0:
		return config.FromCommand(ctx, p.SecretCommand)
	case p.SecretKeyring:
		return interruptible(ctx, func() (string, error) { return config.FromKeyring(p.name) })
	default:
		return "", nil
	}
}
