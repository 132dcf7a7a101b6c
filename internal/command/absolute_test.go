package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// TestAbsolutePaths: a command line means the same from any directory.
func TestAbsolutePaths(t *testing.T) {
	args := []string{"veriffs", "mount", "--sessions", "a.txt,/b.txt", "mnt", "--background", "--cache-dir=../c", "-sessions=-", "--only-contexts", "a/b",
		"--access-log", "records/", "--access-log-anchor=file:d", "--access-log-anchor", "exec:./send file", "--log-file", ""}
	want := []string{"veriffs", "mount", "--sessions", "/at/a.txt,/b.txt", "--background", "--cache-dir=/at/../c", "-sessions=-", "--only-contexts", "a/b",
		"--access-log", "/at/records/", "--access-log-anchor=file:/at/d", "--access-log-anchor", "exec:./send file", "--log-file", "", "--", "/at/mnt"}
	if diff := cmp.Diff(want, base("/at").arguments(newApp(), args)); diff != "" {
		t.Error(diff)
	}
	for _, flag := range append(pathFlags, flagAccessLogAnchor) {
		for _, name := range variables(flag) {
			t.Setenv(name, "")
		}
	}
	t.Setenv("VERIFFS_SESSIONS", "x,~y")
	t.Setenv("VERIFFS_ACCESS_LOG_ANCHOR", "syslog:\n file:z")
	if diff := cmp.Diff([]string{"VERIFFS_SESSIONS=/at/x,/at/~y", "VERIFFS_ACCESS_LOG_ANCHOR=syslog:\nfile:/at/z"}, base("/at").environment()); diff != "" {
		t.Error(diff)
	}
}

// TestPathFlags: the flags' library says of most paths that they are some.
func TestPathFlags(t *testing.T) {
	for _, f := range mountCommand().Flags {
		takesFile := false
		switch f := f.(type) {
		case *cli.StringFlag:
			takesFile = f.TakesFile
		case *cli.StringSliceFlag:
			takesFile = f.TakesFile
		}
		if got := (base("/at")).value(f.Names()[0], "x"); takesFile && got != "/at/x" {
			t.Errorf("--%s: x is %s", f.Names()[0], got)
		}
	}
}
