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

// defaultProfile is the profile that is used, if it exists, when none is named.
const defaultProfile = "default"

// profile is the profile in use; nil if there is none.
type profile struct {
	*config.Profile
	name string
}

// useProfile gives the flags that neither the command line nor the environment
// set the values that the profile has for them. Everything else about the
// profile, which is where its secrets are, is in what it returns.
func useProfile(c *cli.Context) (*profile, error) {
	name := c.String(flagProfile)
	loaded, err := config.Load(config.Path(), profileName(c))
	if name == "" && errors.Is(err, config.ErrNoProfile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string][]string{
		flagAPIURL: {loaded.APIURL}, flagAPIKey: {loaded.APIKey}, flagVerify: {loaded.Verify}, flagListTTL: {loaded.ListTTL},
		flagCacheDir: {loaded.CacheDir}, flagCacheSize: {loaded.CacheSize}, flagCacheMaxAge: {loaded.CacheMaxAge},
		flagCacheKey: {loaded.CacheKey}, flagMinFree: {loaded.MinFree},
		flagSessions: loaded.Sessions,
	}
	if loaded.Connections != 0 {
		values[flagConnections] = []string{strconv.Itoa(loaded.Connections)}
	}
	for _, f := range c.Command.Flags {
		flag := f.Names()[0]
		if given(c, flag) || isEmpty(values[flag]) {
			continue
		}
		for _, value := range values[flag] {
			if err := c.Set(flag, value); err != nil {
				return nil, usageError("the profile's %s can't be understood", flag)
			}
		}
	}
	return &profile{loaded, profileName(c)}, nil
}

// given reports whether the command line or the environment says something for
// a flag. A variable that is set to nothing says nothing.
func given(c *cli.Context, flag string) bool {
	if flag == flagSessions {
		return !isEmpty(c.StringSlice(flag))
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

// secrets returns the text with the shared secrets of a profile, from where it
// says that they are: "" if it says nothing.
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
