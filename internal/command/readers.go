package command

import (
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/urfave/cli/v2"

	"veriffs/internal/access"
)

// Names of the flags about who may read a mount, and what of it.
const (
	flagAllowUser  = "allow-user"
	flagAllowGroup = "allow-group"
	flagOpenBudget = "open-budget"
)

// readersVariables are the environment variables of the lists of readers.
var readersVariables = append(variables(flagAllowUser), variables(flagAllowGroup)...)

// listsReaders reports whether a flag is such a list. One that is given and names nobody
// is an error, wherever it is given: without a list everybody may read.
func listsReaders(flag string) bool { return flag == flagAllowUser || flag == flagAllowGroup }

// readersFlags say who may read a mount, and how much.
func readersFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: flagAllowUser, Category: groupMount, EnvVars: variables(flagAllowUser), DefaultText: "all users of the machine",
			Usage: "with --allow-other, of the other users only `NAME|UID` may read, and those of --allow-group; may be repeated, or separated by commas"},
		&cli.StringSliceFlag{Name: flagAllowGroup, Category: groupMount, EnvVars: variables(flagAllowGroup), DefaultText: "all users of the machine",
			Usage: "with --allow-other, of the other users only members of the group `NAME|GID` may read, and those of --allow-user"},
		&cli.StringFlag{Name: flagOpenBudget, Category: groupMount, EnvVars: variables(flagOpenBudget), DefaultText: "no limit",
			Usage: "each user opens at most so many files in so much time, `N/TIME`, such as 500/10m; more opens fail (EDQUOT)"},
	}
}

// readersOptions are the settings about who may read.
type readersOptions struct {
	users, groups []uint32
	readers       *access.Readers // nil: whomever the kernel lets in
	budget        *access.Budget  // nil: there is none
}

func readReaders(c *cli.Context) (o readersOptions, err error) {
	for flag, lookup := range map[string]func(string) (string, error){flagAllowUser: lookUpUser, flagAllowGroup: lookUpGroup} {
		if !c.IsSet(flag) {
			continue
		}
		if !c.Bool(flagAllowOther) {
			return o, &usage{err: usageError("--%s needs --%s", flag, flagAllowOther),
				hint: "without it only the user who mounts can read; with it, only those who are named and the user who mounts"}
		}
		ids, err := access.IDs(c.StringSlice(flag), lookup)
		if err != nil {
			return o, &usage{err: usageError("--%s: %w", flag, err),
				hint: "give the number (see id NAME) of one whom only a directory service knows; names are looked up once, when the mount begins"}
		}
		if len(ids) == 0 {
			return o, &usage{err: usageError("--%s names nobody", flag),
				hint: "name at least one, or leave out the option, the variable or the profile's key: then it limits nobody"}
		}
		if flag == flagAllowUser {
			o.users = ids
		} else {
			o.groups = ids
		}
	}
	if o.users != nil || o.groups != nil {
		o.readers = access.NewReaders(uint32(os.Getuid()), o.users, o.groups)
	}
	if text := c.String(flagOpenBudget); text != "" {
		if o.budget, err = access.ParseBudget(text); err != nil {
			return o, &usage{err: usageError("--%s %s: %w", flagOpenBudget, text, err),
				hint: "give a number of opens and a time, such as 500/10m or 2000/1d"}
		}
	}
	return o, nil
}

// lookUpUser and lookUpGroup return the id of a name, as access.ID asks for it.
func lookUpUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return "", fmt.Errorf("no user is called %q on this machine", name)
	}
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func lookUpGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if errors.As(err, new(user.UnknownGroupError)) {
		return "", fmt.Errorf("no group is called %q on this machine", name)
	}
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// budgetText is a budget as it was given; "" without one.
func (o *readersOptions) budgetText() string {
	if o.budget == nil {
		return ""
	}
	return o.budget.String()
}
