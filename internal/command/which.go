package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"veriffs/internal/control"
)

const flagMount = "mount"

// groupWhich is the group of flags that choose a mount.
const groupWhich = "Which mount"

func mountFlag() cli.Flag {
	return &cli.StringFlag{Name: flagMount, Category: groupWhich,
		Usage: "use the mount on `MOUNTPOINT`, if several are running"}
}

// meantMount returns the mount that --mount names, else that of the account whose
// URL and key are given; nil if there is none. It needs no secret: the mount has it.
func meantMount(c *cli.Context, mounts []*control.Client, s *settings) (*control.Client, error) {
	if c.String(flagMount) != "" {
		return namedMount(c, mounts, s)
	}
	if !knowsAccount(s) {
		return nil, nil
	}
	own := slices.DeleteFunc(slices.Clone(mounts), func(m *control.Client) bool {
		return m.Account != account(&s.api) || namesCache(c) && !sameFile(m.CacheDir, s.cache.Dir)
	})
	if len(own) == 0 {
		return nil, nil
	}
	return chooseMount(own, "")
}

// namedMount returns the mount that --mount names or, without it, the only one,
// unless another setting says that another is meant.
func namedMount(c *cli.Context, mounts []*control.Client, s *settings) (*control.Client, error) {
	m, err := chooseMount(mounts, c.String(flagMount))
	if err != nil {
		return nil, err
	}
	if namesAccount(c) && !knowsAccount(s) {
		return nil, &usage{
			err:  errors.New("the API URL and the key say together which account is meant, and not both are set"),
			hint: "set both, or neither of them and no profile to use the mount's own account; the environment counts too",
		}
	}
	if knowsAccount(s) && m.Account != account(&s.api) {
		return nil, &usage{
			err:  fmt.Errorf("the mount on %s belongs to another account than the API URL and key that are set", m.Mountpoint),
			hint: "choose the mount's own account with --profile, or with --api-url and --api-key; the environment and the profile named default count too",
		}
	}
	return m, checkCache(c, m)
}

// knowsAccount reports whether the settings say which account is meant.
func knowsAccount(s *settings) bool { return s.api.BaseURL != "" && s.api.APIKey != "" }

// namesAccount reports whether a setting says anything about the account that is
// meant, even if it does not say all.
func namesAccount(c *cli.Context) bool {
	return slices.ContainsFunc([]string{flagProfile, flagAPIURL, flagAPIKey}, func(flag string) bool { return c.String(flag) != "" })
}

// chooseMount adds a hint when control.Choose can't decide.
func chooseMount(mounts []*control.Client, point string) (*control.Client, error) {
	m, err := control.Choose(mounts, point)
	switch {
	case errors.Is(err, control.ErrNoMount):
		return nil, &hinted{err: err, code: exitMount, hint: "veriffs status lists this user's running mounts"}
	case errors.Is(err, control.ErrWhichMount):
		return nil, &hinted{err: err, code: exitUsage, hint: "name one with --" + flagMount}
	}
	return m, err
}

// namesCache reports whether the command line, the environment or the profile
// says which cache is meant.
func namesCache(c *cli.Context) bool { return c.IsSet(flagCacheDir) || c.IsSet(flagCacheKey) }

// checkCache refuses a mount that uses another cache than --cache-dir names.
func checkCache(c *cli.Context, m *control.Client) error {
	if !c.IsSet(flagCacheDir) {
		return nil
	}
	dir, err := filepath.Abs(c.String(flagCacheDir))
	if err != nil || sameFile(filepath.Dir(m.CacheDir), dir) {
		return err
	}
	return usageError("the mount on %s uses the cache in %s, not the one that --%s names", m.Mountpoint, m.CacheDir, flagCacheDir)
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
