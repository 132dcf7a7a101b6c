package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/internal/sessionlist"
)

// pathFlags are the options of mount whose values name files or directories.
var pathFlags = []string{
	flagSessions, flagCacheDir, flagAccessLog, flagInstallationKey, flagSecretFile, flagLogFile, flagTLSCert, flagTLSKey,
}

// base is the directory that relative paths of a command line start from.
type base string

// arguments are those of a command line of mount, the program among them, with absolute
// paths in place of relative ones.
func (dir base) arguments(app *cli.App, args []string) []string {
	flags := mountCommand().Flags
	args = slices.Clone(optionsFirst(app, args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" { // what follows is the mount point
			for ; i+1 < len(args); i++ {
				args[i+1] = dir.path(args[i+1])
			}
			break
		}
		if !strings.HasPrefix(arg, "-") {
			continue // the program and the command
		}
		option, value, valued := strings.Cut(arg, "=")
		f := flagNamed(flags, strings.TrimLeft(option, "-"))
		switch {
		case f == nil:
		case valued:
			args[i] = option + "=" + dir.value(f.Names()[0], value)
		case takesValue(f) && i+1 < len(args):
			i++
			args[i] = dir.value(f.Names()[0], args[i])
		}
	}
	return args
}

// environment is the variables of these options that are set, with absolute paths.
func (dir base) environment() (all []string) {
	for _, flag := range append(pathFlags, flagAccessLogAnchor) {
		for _, name := range variables(flag) {
			if value := os.Getenv(name); value != "" {
				all = append(all, name+"="+dir.value(flag, value))
			}
		}
	}
	return all
}

// value is that of an option, which may have several paths.
func (dir base) value(flag, value string) string {
	each := func(separator string, change func(string) string) string {
		parts := strings.Split(value, separator)
		for i := range parts {
			parts[i] = change(parts[i])
		}
		return strings.Join(parts, separator)
	}
	switch {
	case flag == flagAccessLogAnchor:
		return each("\n", dir.anchor)
	case flag == flagSessions:
		return each(",", dir.path)
	case slices.Contains(pathFlags, flag):
		return dir.path(value)
	default:
		return value
	}
}

func (dir base) anchor(text string) string {
	if path, ok := strings.CutPrefix(strings.TrimSpace(text), "file:"); ok {
		return "file:" + dir.path(path)
	}
	return text
}

func (dir base) path(name string) string {
	if name == "" || name == sessionlist.Stdin || filepath.IsAbs(name) {
		return name
	}
	// Not cleaned: a/.. is not the directory of a if that is a symbolic link.
	return strings.TrimSuffix(string(dir), "/") + "/" + name
}
