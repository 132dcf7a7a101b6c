package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

const (
	// step bounds one command.
	step = time.Minute
	// patience is how long an open of the demonstration waits for the store: a busy
	// machine must not make the second mount ask the API.
	patience = "1m"
)

// show runs commands in a directory, as a user would.
type show struct {
	ctx     context.Context
	out     io.Writer
	dir     string
	program string // veriffs
	env     []string
	mounted []string
}

// environment is that of an account of the stand-in and of the store, and of nothing
// else that this machine has.
func environment(dir string, world *sandbox.Sandbox, api, storage string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
		"VERIFF_API_URL=" + api, "VERIFF_API_KEY=" + world.APIKey, "VERIFF_SHARED_SECRET=" + strings.Join(world.Secrets(), ","),
		"VERIFFS_TEAM_STORE=s3://" + bucketName + "/veriff", "VERIFFS_TEAM_STORE_ENDPOINT=" + storage,
		"VERIFFS_TEAM_STORE_PATH_STYLE=true", "VERIFFS_TEAM_STORE_PATIENCE=" + patience,
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// run prints a command and its output.
func (s *show) run(args ...string) error {
	fmt.Fprintln(s.out, "$", strings.ReplaceAll(strings.Join(args, " "), s.program, "veriffs"))
	text, err := s.output(args...)
	_, failed := s.out.Write(text)
	return errors.Join(err, failed)
}

// output runs a command and returns what it prints.
func (s *show) output(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.ctx, step)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Env = s.dir, s.env
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w %s", filepath.Base(args[0]), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out, err
}

// mount mounts with a cache of its own, in the background.
func (s *show) mount(name string) error {
	if err := os.Mkdir(filepath.Join(s.dir, name), 0o700); err != nil {
		return err
	}
	s.mounted = append(s.mounted, name)
	return s.run(s.program, "mount", "--background", "--cache-dir", "cache-"+name, "--log-file", name+".log", "--sessions", "sessions.txt", name)
}

// unmount ends all mounts, also after ctx has ended.
func (s *show) unmount() (err error) {
	s.ctx = context.WithoutCancel(s.ctx)
	for _, name := range s.mounted {
		_, failed := s.output(s.program, "unmount", name)
		err = errors.Join(err, failed)
	}
	return err
}

// uploaded waits until a mount has put all that it fetched into the store.
func (s *show) uploaded() error {
	for end := time.Now().Add(step); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		out, err := s.output(s.program, "status", "--json")
		if err != nil {
			return err
		}
		var status struct {
			Mounts []struct {
				Team struct {
					Queued int `json:"queued"`
				} `json:"team_store"`
			} `json:"mounts"`
		}
		if err := json.Unmarshal(out, &status); err != nil {
			return err
		}
		if len(status.Mounts) == 1 && status.Mounts[0].Team.Queued == 0 {
			return nil
		}
	}
	return errors.New("the first mount does not get its files into the store")
}
