package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// demoCacheSize bounds the cache of a demonstration: its files are a few MB.
const demoCacheSize = 256 << 20

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "mount a built-in stand-in for the API, with drawn specimen documents, and show how it works",
		ArgsUsage: "[MOUNTPOINT]",
		Flags: append(logFlags(),
			&cli.BoolFlag{Name: "exit", EnvVars: variables("exit"), Usage: "exit after the tour, with its result"}),
		Action: demo,
	}
}

func demo(c *cli.Context) (err error) {
	if err := arguments(c, 0, 1); err != nil {
		return err
	}
	log, logFile, err := newLogger(c)
	if err != nil {
		return err
	}
	defer logFile.Close()
	outliveReader()
	temporary, err := os.MkdirTemp("", "veriffs-demo-")
	if err != nil {
		return fmt.Errorf("create a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	point := filepath.Join(temporary, "mnt")
	if c.NArg() == 1 {
		if point, err = filepath.Abs(c.Args().First()); err != nil {
			return err
		}
	}

	world := sandbox.New(sandbox.Options{})
	server, err := sandbox.Listen(world)
	if err != nil {
		return fmt.Errorf("start the stand-in: %w", err)
	}
	defer server.Close()
	k, err := start(c.Context, settings{
		api:        veriff.Config{BaseURL: server.URL, APIKey: world.APIKey, Secrets: world.Secrets(), UserAgent: "veriffs/" + version},
		cache:      cache.Options{Dir: filepath.Join(temporary, "cache"), Limit: demoCacheSize, Ephemeral: true},
		listTTL:    library.DefaultListTTL,
		mountpoint: point, owner: ownFiles(false),
	}, log)
	if err != nil {
		return err
	}
	defer k.close()
	known := world.SessionIDs()
	k.library.SetSessions(sorted(known))
	fmt.Fprintln(c.App.ErrWriter, "mounted on", point)

	// The tour runs while the mount is served; either ends the other.
	ctx, end := context.WithCancel(c.Context)
	defer end()
	toured := make(chan error, 1)
	go func() {
		t := tour{ctx: ctx, out: c.App.Writer, point: point, world: world, log: log}
		err := t.run()
		if err == nil && !c.Bool("exit") {
			fmt.Fprintf(c.App.Writer, "\nThe mount stays until Ctrl-C. Look around: %s\n", point)
			<-ctx.Done()
		}
		toured <- err
		end()
	}()
	err = serve(ctx, k.mount, log)
	end()
	return errors.Join(err, <-toured)
}

// tour shows what the mount can do, with a user's own commands. They run in
// separate processes: a process must not use the mount that it serves.
type tour struct {
	ctx   context.Context
	out   io.Writer
	point string
	world *sandbox.Sandbox
	log   *slog.Logger
}

func (t *tour) run() error {
	session, picture, nfc, err := t.exhibits()
	if err != nil {
		return err
	}
	directory := "sessions/" + session.ID.String()
	photo := directory + "/" + picture.ID.String() + ".jpg"
	fmt.Fprintf(t.out, "\nEach session is a directory. Listing them makes no request.\n")
	if _, err := t.show("ls", "-l", "sessions"); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\nOne session (%s): two requests, no download.\n", session.Title)
	if _, err := t.show("ls", "-l", directory); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\nA picture is fetched, verified and cached when it is first opened.\n")
	if _, err := exec.LookPath("file"); err == nil {
		if _, err := t.show("file", photo); err != nil {
			return err
		}
	}
	hashed, err := t.show(hashCommand(photo)...)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(t.world.Bytes(picture.ID)); !strings.HasPrefix(hashed, hex.EncodeToString(sum[:])) {
		return errors.New("the hash is not that of the stand-in's file")
	}
	fmt.Fprintf(t.out, "That is the hash of the original file.\n")
	fmt.Fprintf(t.out, "\nThe chip data can be searched.\n")
	if _, err := t.show("grep", "-rl", session.Person.LastName, directory, "--include="+nfc.ID.String()+".json"); err != nil {
		return err
	}
	// For this picture only: the reads above may have started a prefetch.
	path := "/v1/media/" + picture.ID.String()
	before := t.world.Requests().ByPath[path]
	fmt.Fprintf(t.out, "\nRequests for the picture so far: %d. Reading it again adds none:\n", before)
	if _, err := t.show("cksum", photo); err != nil {
		return err
	}
	if after := t.world.Requests().ByPath[path]; after != before {
		return fmt.Errorf("a second read cost %d requests", after-before)
	}
	return nil
}

// exhibits picks a session with a JPEG and with chip data.
func (t *tour) exhibits() (session sandbox.Session, picture, nfc sandbox.File, err error) {
	for _, session := range t.world.Sessions() {
		picture, nfc = sandbox.File{}, sandbox.File{}
		if len(session.Attempts) == 0 {
			continue
		}
		for _, f := range session.Attempts[0].Media {
			switch {
			case f.MIMEType == "image/jpeg" && f.Context == "document-front":
				picture = f
			case f.MIMEType == "application/json":
				nfc = f
			}
		}
		if !picture.ID.IsZero() && !nfc.ID.IsZero() {
			return session, picture, nfc, nil
		}
	}
	return session, picture, nfc, errors.New("the stand-in has no session to show")
}

// tourStep bounds the time of one command of the tour.
const tourStep = 30 * time.Second

// show prints a command and its output, and returns the output.
func (t *tour) show(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.ctx, tourStep)
	defer cancel()
	fmt.Fprintf(t.out, "$ %s\n", strings.Join(args, " "))
	// The shell changes directory, instead of cmd.Dir: a failing mount could hang
	// this process between fork and exec.
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `cd "$0" && exec "$@"`, t.point}, args...)...)
	var printed, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(t.out, &printed), &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the tour's %s: %w %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return printed.String(), nil
}

func hashCommand(name string) []string {
	if _, err := exec.LookPath("sha256sum"); err == nil {
		return []string{"sha256sum", name}
	}
	return []string{"shasum", "-a", "256", name}
}
