package command

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helperOptions are the options of -o, as they are written.
type helperOptions []string

func (o *helperOptions) String() string { return strings.Join(*o, ",") }

// Set adds options, with commas between them. In double quotes a comma is part of a value.
func (o *helperOptions) Set(text string) error {
	quoted := false
	all := strings.FieldsFunc(text, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	})
	if quoted {
		return errors.New("a double quote is not closed")
	}
	*o = append(*o, all...)
	return nil
}

// forSystem are options that mean something to mount(8), to systemd or to the kernel, and
// that no mount of ours differs by. mount(8) passes rw if nobody has said anything, so it
// can't be told from a wish to write.
var forSystem = []string{
	"defaults", "rw", "ro", "suid", "nosuid", "dev", "nodev", "exec", "noexec",
	"_netdev", "nofail", "auto", "noauto", "user", "nouser", "users", "owner", "group",
	"async", "sync", "dirsync", "silent", "loud", "mand", "nomand", "iversion", "noiversion",
	"atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime",
}

// secretOptions must not stand where every user can read them: in fstab, in the table of
// processes.
var secretOptions = []string{"api-key", "shared-secret", "secret", "key", "password", "passwd", "pass", "token"}

// ownersOfSystem are those of forSystem that say who may mount, as words without a value,
// and what somebody who gives one may want.
var ownersOfSystem = map[string]string{"user": "allow_user or uid", "owner": "uid", "group": "allow_group or gid"}

// forMount returns the options as veriffs mount takes them. Unknown ones are an error
// unless they are to be skipped; with allow_other they always are one, as one of them may
// be a mistyped limit on who reads.
//
// Without a file for it the log is standard error's, where people want to read what is
// wrong, or the journal's: only warnings go there unless a level is given.
func (o *helperOptions) forMount(skip bool) (args []string, err error) {
	flags, logs := mountCommand().Flags, false
	skip = skip && !slices.ContainsFunc(*o, func(option string) bool {
		name, _, _ := strings.Cut(option, "=")
		return optionFlag(name) == flagAllowOther
	})
	for _, option := range *o {
		name, value, valued := strings.Cut(option, "=")
		// For an ordinary user, who may mount by user, versions of mount(8) write user=NAME.
		if meant := ownersOfSystem[name]; valued && meant != "" && (name != "user" || os.Getuid() == 0) {
			return nil, &usage{err: fmt.Errorf("the option %s takes no value", name), hint: "did you mean " + meant + "?"}
		}
		if isForSystem(name) {
			continue
		}
		flag := optionFlag(name)
		value = strings.ReplaceAll(value, `"`, "")
		f := flagNamed(flags, flag)
		logs = logs || flag == flagLogFile || flag == flagLogLevel
		switch {
		case slices.Contains(secretOptions, flag):
			return nil, &usage{err: fmt.Errorf("the option %s must not be in -o or in fstab, which every user can read", name),
				hint: "keep it in the profile, with veriffs login --system, or the secret in a file or a keyring that the profile names"}
		case flag == "remount":
			return nil, &usage{err: errors.New("a mount can't be changed while it is mounted"), hint: "unmount it, and mount it again"}
		case flag == flagProfile || flag == flagSource:
			return nil, &usage{err: fmt.Errorf("the option %s is given by SOURCE", name), hint: "in fstab the profile's name is the first field"}
		case flag == flagBackground: // it always is
		case f == nil && skip:
		case f == nil:
			return nil, unknownOption(name, flags)
		case takesValue(f) && !valued:
			return nil, usageError("the option %s needs a value", name)
		case valued:
			args = append(args, dashed(flag)+"="+value)
		default:
			args = append(args, dashed(flag))
		}
	}
	if !logs {
		args = append(args, dashed(flagLogLevel)+"=warn")
	}
	return args, nil
}

// optionFlag is the name of the flag that an option stands for.
func optionFlag(name string) string { return strings.ReplaceAll(name, "_", "-") }

func isForSystem(name string) bool {
	return slices.Contains(forSystem, name) || name == "comment" || strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-")
}

func unknownOption(name string, flags []cli.Flag) error {
	var known []string
	for _, f := range flags {
		known = append(known, strings.ReplaceAll(f.Names()[0], "-", "_"))
	}
	u := &usage{err: fmt.Errorf("unknown option %s", name), hint: "-o takes the options of veriffs mount; man veriffs lists them"}
	if like := similar(strings.ReplaceAll(name, "-", "_"), known); like != "" {
		u.hint = "did you mean " + like + "?"
	}
	return u
}
