package command

import (
	"errors"
	"os"
	"regexp"
	"runtime"
	"strconv"

	"veriffs/internal/access"

	"github.com/urfave/cli/v2"
)

// Flags for how the mount presents itself to the machine.
const (
	flagUID    = "uid"
	flagGID    = "gid"
	flagUmask  = "umask"
	flagSource = "source"
)

// owner is whose files the mount shows, and with which permissions.
type owner struct {
	uid, gid uint32
	umask    uint32 // the permissions that nobody has
}

// ownFiles is the owner if nothing is said about it: whoever mounts, who lets the others
// read only with --allow-other.
func ownFiles(allowOther bool) owner {
	o := owner{uid: uint32(os.Getuid()), gid: uint32(os.Getgid()), umask: 0o077}
	if allowOther {
		o.umask = 0
	}
	return o
}

func readOwner(c *cli.Context) (o owner, err error) {
	own := ownFiles(c.Bool(flagAllowOther))
	o = own
	if name := c.String(flagUID); name != "" {
		if o.uid, err = access.Somebody(name, lookUpUser); err != nil {
			return o, usageError("--%s: %w", flagUID, err)
		}
	}
	if name := c.String(flagGID); name != "" {
		if o.gid, err = access.Somebody(name, lookUpGroup); err != nil {
			return o, usageError("--%s: %w", flagGID, err)
		}
	}
	if text := c.String(flagUmask); text != "" {
		umask, err := strconv.ParseUint(text, 8, 32)
		if err != nil || umask > 0o777 {
			return o, usageError("--%s must be permissions in octal such as 027, not %q", flagUmask, text)
		}
		o.umask = uint32(umask)
	}
	if (o.uid != own.uid || o.gid != own.gid) && !c.Bool(flagAllowOther) {
		return o, &usage{
			err:  errors.New("--uid and --gid of somebody else need --allow-other"),
			hint: "without it the kernel lets in nobody but the user who mounts, whoever owns the files",
		}
	}
	return o, nil
}

// sourceForm has no character with a meaning for mount(8), fusermount3 or the table of mounts.
var sourceForm = regexp.MustCompile(`^[A-Za-z0-9_.:@/+-]{1,255}$`)

func readSource(c *cli.Context) (string, error) {
	name := c.String(flagSource)
	switch {
	case name == "":
	case runtime.GOOS != "linux": // where our mounts are known by their source
		return "", usageError("--%s is for Linux alone", flagSource)
	case !sourceForm.MatchString(name):
		return "", usageError("--%s may have only letters, digits and _.:@/+-, not %q", flagSource, name)
	}
	return name, nil
}
