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
	"veriffs/internal/library"
	"veriffs/veriff"
)

// nameArguments returns what the arguments name, as a library takes it. They
// are ids or paths; paths into a mount make that the one that is meant, as
// --mount does.
func nameArguments(c *cli.Context) (names []string, err error) {
	here := surroundings{mounts: mountpoint.All()}
	if here.directory, err = syscall.Getwd(); err != nil { // which, unlike os.Getwd, asks no mount
		here.directory = "/"
	}
	chosen := c.String(flagMount)
	if chosen != "" {
		if chosen, err = here.resolve(chosen); err != nil {
			return nil, err
		}
	}
	for _, arg := range c.Args().Slice() {
		name, mount, err := here.name(arg)
		switch {
		case err != nil:
			return nil, err
		case mount == "":
		case chosen == "":
			chosen = mount
		case chosen != mount:
			return nil, usageError("%s is in the mount on %s, and not in that on %s: one at a time", arg, mount, chosen)
		}
		names = append(names, name)
	}
	if chosen == "" && len(names) > 0 && !namesIntegration(c) {
		chosen = here.mountOf(here.directory) // an id that is seen here is of this mount
	}
	return names, c.Set(flagMount, chosen)
}

// namesIntegration reports whether the command line itself, and not the
// environment, says whose cache is meant.
func namesIntegration(c *cli.Context) bool {
	return slices.ContainsFunc([]string{flagProfile, flagAPIURL, flagAPIKey}, func(flag string) bool {
		doc, _ := flagNamed(c.Command.Flags, flag).(cli.DocGenerationFlag)
		value := c.String(flag)
		return doc != nil && value != "" && !slices.ContainsFunc(doc.GetEnvVars(), func(v string) bool { return os.Getenv(v) == value })
	})
}

// idArguments returns the ids of the sessions that the arguments name.
func idArguments(c *cli.Context) (ids []string, err error) {
	names, err := nameArguments(c)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		n, err := library.ParseName(name)
		if err != nil || n.File != "" || n.Tree == library.AttemptsTree {
			return nil, usageError("%s is no session", c.Args().Get(i))
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

// name returns what an argument names, and the mount that it leads into; "" if
// it is an id, or the path of something outside that is called like one.
func (s surroundings) name(arg string) (name, mount string, err error) {
	if id, err := veriff.ParseSessionID(arg); err == nil {
		// Sessions and attempts may have the same ids.
		mount = s.mountOf(s.directory)
		if tree := library.AttemptsTree; mount != "" && s.directory == filepath.Join(mount, tree) {
			return tree + "/" + id.String(), mount, nil
		}
		return id.String(), "", nil
	}
	path, err := s.resolve(arg)
	if err != nil {
		return "", "", err
	}
	if mount = s.mountOf(path); mount != "" {
		n, err := library.ParseName(strings.TrimPrefix(path[len(mount):], "/"))
		if err != nil {
			return "", "", usageError("%s: %s", arg, trimPackage(err))
		}
		if n.Tree == "" {
			return "", "", usageError("%s: there is nothing of that name in the mount", arg)
		}
		return n.String(), mount, nil
	}
	stem, _, _ := strings.Cut(filepath.Base(path), ".")
	id, err := veriff.ParseSessionID(stem)
	if err != nil {
		return "", "", usageError("%q is no id, and no path in a mount", arg)
	}
	return id.String(), "", nil
}

// mountOf returns the mount that a path without links is in, the innermost.
func (s surroundings) mountOf(path string) (mount string) {
	for _, point := range s.mounts {
		if (path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")) && len(point) > len(mount) {
			mount = point
		}
	}
	return mount
}

// maxLinks bounds the symbolic links that are followed, as the kernel does.
const maxLinks = 40

// resolve makes a path absolute and free of links. It touches nothing in a
// mount, which may be dead or stuck; no link leads on from there.
func (s surroundings) resolve(path string) (string, error) {
	at, left := s.directory, strings.Split(path, "/")
	if filepath.IsAbs(path) {
		at = "/"
	}
	for links := 0; len(left) > 0; {
		next := filepath.Join(at, left[0]) // .. and . too: at has no links
		left = left[1:]
		if s.mountOf(next) != "" {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if err != nil { // it is no link, or not there
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

// eachName does something with each name and returns those with which it went
// well. A failure costs no other name its turn, unless all that are left would
// fail for the same reason.
func eachName(c *cli.Context, names []string, do func(arg, name string) error) (done []string, err error) {
	for i, name := range names {
		arg := c.Args().Get(i)
		failed := do(arg, name)
		if failed == nil {
			done = append(done, name)
			continue
		}
		if failed = trouble(failed); errors.As(failed, new(*hinted)) || c.Context.Err() != nil {
			return done, failed
		}
		fmt.Fprintf(c.App.ErrWriter, "failed: %s: %s\n", arg, trimPackage(failed))
		err = &reported{code: exitFailed}
	}
	return done, err
}
