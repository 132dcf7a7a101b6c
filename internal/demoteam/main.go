// Command demoteam shows that a team fetches each file once: it starts the stand-in for
// the API and a server of object storage, and mounts twice with separate caches.
//
// It runs in the module's root directory, where make has built both programs, and leaves
// nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"veriffs/veriff/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "bin/veriffs", "bin/versitygw-*", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo-team:", err)
		stop()
		os.Exit(1)
	}
}

// run shows a veriffs, and a versitygw that a pattern names, and tells of it to out.
func run(ctx context.Context, veriffs, gateway string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "veriffs-demo-team-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	world := sandbox.New(sandbox.Options{})
	api, err := sandbox.Listen(world)
	if err != nil {
		return err
	}
	defer api.Close()
	storage, err := startStorage(ctx, gateway, filepath.Join(dir, storageDir))
	if err != nil {
		return err
	}
	defer storage.stop()
	s := &show{ctx: ctx, out: out, dir: dir, env: environment(dir, world, api.URL, storage.url)}
	if s.program, err = filepath.Abs(veriffs); err != nil {
		return err
	}
	sessions := new(strings.Builder)
	for _, id := range world.SessionIDs() {
		fmt.Fprintln(sessions, id)
	}
	if err := os.WriteFile(filepath.Join(dir, "sessions.txt"), []byte(sessions.String()), 0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.unmount()) }()
	return s.tour(world)
}

// tour has two mounts read all files, one after the other.
func (s *show) tour(world *sandbox.Sandbox) error {
	fmt.Fprintln(s.out, "\nA reviewer mounts, and reads all files. Each is fetched from the API, verified, and put into the team store.")
	if err := s.mount("one"); err != nil {
		return err
	}
	if err := s.run("cp", "-r", "one/sessions", "copy-one"); err != nil {
		return err
	}
	first := world.Requests().ByKind[sandbox.Media]
	fmt.Fprintf(s.out, "The API was asked for %d files.\n", first)
	if err := s.uploaded(); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nThe owner of the store sees names that tell nothing, and sealed contents:")
	if err := s.run("sh", "-c", "find "+storageDir+" -type f -size +0 | sort | head -3"); err != nil {
		return err
	}
	if err := s.run(s.program, "team", "status", "--mount", "one"); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nAnother reviewer, on another machine with an empty cache, reads the same files.")
	if err := s.mount("two"); err != nil {
		return err
	}
	world.ResetRequests()
	if err := s.run("cp", "-r", "two/sessions", "copy-two"); err != nil {
		return err
	}
	second := world.Requests().ByKind[sandbox.Media]
	fmt.Fprintf(s.out, "The API was asked for %d files.\n", second)
	if err := s.run("diff", "-r", "copy-one", "copy-two"); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Both have the same bytes.")
	if first == 0 || second != 0 {
		return fmt.Errorf("the first mount asked the API for %d files and the second for %d, not for some and for none", first, second)
	}
	return nil
}
