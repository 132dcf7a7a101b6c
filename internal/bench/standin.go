//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

// roles are what this program does when it has started itself.
var roles = map[string]func(context.Context, []string) error{
	"serve-sandbox": serveStandin,
	"serve-bare":    serveBare,
}

// standin is the stand-in for the API in a process of its own. world is the
// same world in this process, to know what there is without asking.
type standin struct {
	child
	addresses
	world *sandbox.Sandbox
}

// addresses are where a stand-in listens.
type addresses struct {
	API     string // the API's
	Index   string // the same files as a tree of HTML indexes, for rclone
	Control string
}

// spec says which world is served.
type spec struct {
	Walk  bool          // the set that is walked, and a large video
	Scale sandbox.Scale // or a generated world
}

func (s spec) make() *sandbox.Sandbox {
	if s.Walk {
		return walkWorld()
	}
	return sandbox.New(sandbox.Options{Scale: s.Scale})
}

func startStandin(ctx context.Context, s spec) (*standin, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	st := &standin{world: s.make()}
	cmd := exec.Command(self, "serve-sandbox", "-spec", string(text))
	if _, err := cmd.StdinPipe(); err != nil { // open for as long as we live
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := st.start(cmd); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &st.addresses)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the stand-in: %w", err), st.stop())
	}
	return st, nil
}

// serveStandin is the role of that process.
func serveStandin(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve-sandbox", flag.ContinueOnError)
	text := flags.String("spec", "{}", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var s spec
	if err := json.Unmarshal([]byte(*text), &s); err != nil {
		return err
	}
	world := s.make()
	tree := newIndex(world, s)
	control := http.NewServeMux()
	control.HandleFunc("/latency", func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.FormValue("d"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		world.ClearFaults()
		if d > 0 {
			world.Set(sandbox.Match{}, sandbox.Latency(d))
		}
		tree.latency.Store(int64(d))
	})
	control.HandleFunc("/reset", func(http.ResponseWriter, *http.Request) { world.ResetRequests() })
	control.HandleFunc("/counts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(world.Requests())
	})

	var a addresses
	for address, handler := range map[*string]http.Handler{&a.API: world, &a.Index: tree, &a.Control: control} {
		server, err := sandbox.Listen(handler)
		if err != nil {
			return err
		}
		defer server.Close()
		*address = server.URL
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		return err
	}
	awaitEnd(ctx)
	return nil
}

// delay makes every later request wait so long for its first byte.
func (s *standin) delay(d time.Duration) error {
	return s.control("latency", url.Values{"d": {d.String()}}, nil)
}

// reset sets the counts to zero.
func (s *standin) reset() error { return s.control("reset", nil, nil) }

// counts returns what was asked since the last reset.
func (s *standin) counts() (c sandbox.Counts, err error) {
	return c, s.control("counts", nil, &c)
}

func (s *standin) control(path string, values url.Values, into any) error {
	resp, err := http.Get(s.Control + "/" + path + "?" + values.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the stand-in's %s: %s", path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// sessionsFile writes the ids of sessions as the mount reads them.
func (s *standin) sessionsFile(path string, sessions []sandbox.Session) error {
	var text strings.Builder
	for _, session := range sessions {
		fmt.Fprintln(&text, session.ID)
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}
