package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// nameArguments returns what the arguments name, in the form that a library
// expects. They are ids or paths; a path into a mount chooses that mount, as
// --mount does.
func nameArguments(c *cli.Context) (names []string, err error) { return namesOf(c, c.Args().Slice()) }

// namesOf is nameArguments for some of the arguments.
func namesOf(c *cli.Context, args []string) (names []string, err error) {
	here := surroundings{mounts: mountpoint.All()}
	if here.directory, err = syscall.Getwd(); err != nil { // unlike os.Getwd it touches no mount
		here.directory = "/"
	}
	chosen := c.String(flagMount)
	if chosen != "" {
		if chosen, err = here.resolve(chosen); err != nil {
			return nil, err
		}
	}
	for _, arg := range args {
		name, mount, err := here.name(arg)
		switch {
		case err != nil:
			return nil, err
		case mount == "":
		case chosen == "":
			chosen = mount
		case chosen != mount:
			return nil, usageError("%s is in the mount on %s, not in the one on %s: use one mount at a time", arg, mount, chosen)
		}
		names = append(names, name)
	}
	if chosen == "" && len(names) > 0 && !namesIntegration(c) {
		chosen = here.mountOf(here.directory) // an id listed here belongs to this mount
	}
	return names, c.Set(flagMount, chosen)
}

// namesIntegration reports whether the command line itself, rather than the
// environment, chooses an integration.
func namesIntegration(c *cli.Context) bool {
	return slices.ContainsFunc([]string{flagProfile, flagAPIURL, flagAPIKey}, func(flag string) bool {
		doc, _ := flagNamed(c.Command.Flags, flag).(cli.DocGenerationFlag)
		value := c.String(flag)
		return doc != nil && value != "" && !slices.ContainsFunc(doc.GetEnvVars(), func(v string) bool { return os.Getenv(v) == value })
	})
}

// idArguments returns the ids of the sessions that the arguments name.
func idArguments(c *cli.Context) (ids []string, err error) { return idsOf(c, c.Args().Slice()) }

// idsOf is idArguments for some of the arguments.
func idsOf(c *cli.Context, args []string) (ids []string, err error) {
	names, err := namesOf(c, args)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		n, err := listing.ParseName(name)
		if err != nil || n.File != "" || n.Tree == listing.AttemptsTree {
			return nil, usageError("%s is not a session", args[i])
		}
		ids = append(ids, n.ID)
	}
	return ids, nil
}

// surroundings are what the meaning of a path depends on.
type surroundings struct {
	directory string   // absolute, without links
	mounts    []string // mount points of veriffs, likewise
}

// name returns what an argument names, and the mount that it leads into: "" for an
// id, or for a path outside of any mount whose last name is an id.
func (s surroundings) name(arg string) (name, mount string, err error) {
	if id, err := veriff.ParseSessionID(arg); err == nil {
		// A session and an attempt may have the same id.
		mount = s.mountOf(s.directory)
		if tree := listing.AttemptsTree; mount != "" && s.directory == filepath.Join(mount, tree) {
			return tree + "/" + id.String(), mount, nil
		}
		return id.String(), "", nil
	}
	path, err := s.resolve(arg)
	if err != nil {
		return "", "", err
	}
	if mount = s.mountOf(path); mount != "" {
		n, err := listing.ParseName(strings.TrimPrefix(path[len(mount):], "/"))
		if err != nil {
			return "", "", usageError("%s: %s", arg, trimPackage(err))
		}
		if n.Tree == "" {
			return "", "", usageError("%s: no such name in the mount", arg)
		}
		return n.String(), mount, nil
	}
	stem, _, _ := strings.Cut(filepath.Base(path), ".")
	id, err := veriff.ParseSessionID(stem)
	if err != nil {
		return "", "", usageError("%q is neither an id nor a path in a mount", arg)
	}
	return id.String(), "", nil
}

// mountOf returns the innermost mount that contains a path without links.
func (s surroundings) mountOf(path string) (mount string) {
	for _, point := range s.mounts {
		if (path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")) && len(point) > len(mount) {
			mount = point
		}
	}
	return mount
}

// maxLinks is how many symbolic links are followed: as many as the kernel does.
const maxLinks = 40

// resolve makes a path absolute and free of links. It touches nothing inside a
// mount, which may be dead or stuck; no link leads out of one.
func (s surroundings) resolve(path string) (string, error) {
	at, left := s.directory, strings.Split(path, "/")
	if filepath.IsAbs(path) {
		at = "/"
	}
	for links := 0; len(left) > 0; {
		next := filepath.Join(at, left[0]) // handles .. and . too, since at has no links
		left = left[1:]
		if s.mountOf(next) != "" {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if err != nil { // not a link, or not there
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", &os.PathError{Op: "resolve", Path: path, Err: syscall.ELOOP}
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		left = slices.Concat(strings.Split(target, "/"), left)
	}
	return at, nil
}

// eachName calls do for each name and returns those for which it succeeded. It
// goes on after a failure unless the remaining names would fail for the same
// reason.
func eachName(c *cli.Context, names []string, do func(arg, name string) error) (done []string, err error) {
	for i, name := range names {
		arg := c.Args().Get(i)
		failed := do(arg, name)
		if failed == nil {
			done = append(done, name)
			continue
		}
		if failed = generalTrouble(failed); errors.As(failed, new(*hinted)) || c.Context.Err() != nil {
			return done, failed
		}
		fmt.Fprintf(c.App.ErrWriter, "failed: %s: %s\n", arg, trimPackage(failed))
		err = &reported{code: exitFailed}
	}
	return done, err
}
