//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// curlConfig is a list of signed requests in the form of curl's configuration
// files. Bodies go to files in a directory.
type curlConfig struct {
	strings.Builder
	s   *standin
	dir string
}

// add adds a request. Its path is one id's, which is signed.
func (c *curlConfig) add(before, id, after, name string) {
	if c.Len() > 0 {
		fmt.Fprintln(c, "next")
	}
	fmt.Fprintf(c, "url = %q\nheader = \"X-AUTH-CLIENT: %s\"\nheader = \"X-HMAC-SIGNATURE: %s\"\noutput = %q\nfail\nsilent\n",
		c.s.API+"/v1/"+before+id+after, c.s.world.APIKey, veriff.Sign([]byte(id), c.s.world.Secrets()[0]), filepath.Join(c.dir, name))
	if c.s.trusted != "" {
		fmt.Fprintf(c, "cacert = %q\nhttp1.1\n", c.s.trusted) // as the mount
	}
}

// object adds a request for an object of the store.
func (c *curlConfig) object(path, name string) {
	if c.Len() > 0 {
		fmt.Fprintln(c, "next")
	}
	fmt.Fprintf(c, "url = %q\naws-sigv4 = \"aws:amz:us-east-1:s3\"\nuser = \"%s:%s\"\nheader = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"\noutput = %q\nfail\nsilent\n",
		c.s.Store+"/"+bucketName+"/"+path, accessKey, secretKey, filepath.Join(c.dir, name))
}

// file writes the list and returns its name.
func (c *curlConfig) file() string {
	name := filepath.Join(c.dir, "curl.conf")
	check(os.WriteFile(name, []byte(c.String()), 0o600))
	return name
}

// curlAll fetches by curl's parallel transfers what a walk of the sessions
// fetches, lists and attempts included, in the order of the walk.
func (b *bench) curlAll(s *standin, sessions []sandbox.Session) (elapsed, cpu time.Duration) {
	c := curlConfig{s: s, dir: must(os.MkdirTemp(b.memory, "curl-"))}
	defer os.RemoveAll(c.dir)
	for _, session := range sessions {
		id := session.ID.String()
		c.add("sessions/", id, "/media", id+".media")
		c.add("sessions/", id, "/attempts", id+".attempts")
		for _, f := range session.Attempts[0].Media {
			c.add("media/", f.ID.String(), "", f.ID.String())
		}
	}
	elapsed, cpu, err := b.try("curl", "--silent", "--show-error", "--parallel", "--parallel-immediate",
		"--parallel-max", strconv.Itoa(connections), "--config", c.file())
	check(err)
	return elapsed, cpu
}

// curlKeptAlive returns how long the second of two requests over one connection
// took, as curl measures it.
func (b *bench) curlKeptAlive(s *standin, first, second sandbox.File) time.Duration {
	c := curlConfig{s: s, dir: must(os.MkdirTemp(b.memory, "curl-"))}
	defer os.RemoveAll(c.dir)
	for _, f := range []sandbox.File{first, second} {
		c.add("media/", f.ID.String(), "", f.ID.String())
		fmt.Fprintln(&c, `write-out = "%{time_total} %{num_connects}\n"`)
	}
	out := b.output("curl", "--silent", "--config", c.file())
	fields := strings.Fields(out)
	if len(fields) != 4 || fields[3] != "0" {
		check(fmt.Errorf("curl did not keep its connection: %q", out))
	}
	return time.Duration(must(strconv.ParseFloat(fields[2], 64)) * float64(time.Second))
}
