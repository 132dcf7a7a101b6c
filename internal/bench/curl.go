//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// curlConfig is a list of requests in the form of curl's configuration files.
type curlConfig struct {
	text strings.Builder
	n    int
}

// add adds a signed request for an id, whose body goes to a file.
func (c *curlConfig) add(s *standin, path, id, to string) {
	if c.n > 0 {
		fmt.Fprintln(&c.text, "next")
	}
	c.n++
	fmt.Fprintf(&c.text, "url = %q\nheader = \"X-AUTH-CLIENT: %s\"\nheader = \"X-HMAC-SIGNATURE: %s\"\noutput = %q\nfail\nsilent\n",
		s.API+"/v1/"+path, s.world.APIKey, veriff.Sign([]byte(id), s.world.Secrets()[0]), to)
}

// curlAll fetches what a walk of the sessions fetches, lists and attempts
// included, in the order of the walk, with curl's parallel transfers.
func curlAll(ctx context.Context, s *standin, sessions []sandbox.Session, dir string) (elapsed, cpu time.Duration, err error) {
	var c curlConfig
	for _, session := range sessions {
		id := session.ID.String()
		c.add(s, "sessions/"+id+"/media", id, filepath.Join(dir, id+".media"))
		c.add(s, "sessions/"+id+"/attempts", id, filepath.Join(dir, id+".attempts"))
		for _, f := range session.Attempts[0].Media {
			c.add(s, "media/"+f.ID.String(), f.ID.String(), filepath.Join(dir, f.ID.String()))
		}
	}
	list := filepath.Join(dir, "curl.conf")
	if err := os.WriteFile(list, []byte(c.text.String()), 0o600); err != nil {
		return 0, 0, err
	}
	return timed(ctx, "curl", "--silent", "--show-error", "--parallel", "--parallel-immediate",
		"--parallel-max", strconv.Itoa(connections), "--config", list)
}

// curlKeptAlive returns how long curl took for the second of two requests
// over one connection, by its own count.
func curlKeptAlive(ctx context.Context, s *standin, first, second sandbox.File, dir string) (time.Duration, error) {
	var c curlConfig
	for i, f := range []sandbox.File{first, second} {
		c.add(s, "media/"+f.ID.String(), f.ID.String(), filepath.Join(dir, strconv.Itoa(i)))
		fmt.Fprintln(&c.text, `write-out = "%{time_total} %{num_connects}\n"`)
	}
	list := filepath.Join(dir, "curl.conf")
	if err := os.WriteFile(list, []byte(c.text.String()), 0o600); err != nil {
		return 0, err
	}
	out, err := output(ctx, "", "curl", "--silent", "--config", list)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(out)
	if len(fields) != 4 || fields[3] != "0" {
		return 0, fmt.Errorf("curl did not keep its connection: %q", out)
	}
	seconds, err := strconv.ParseFloat(fields[2], 64)
	return time.Duration(seconds * float64(time.Second)), err
}
