package command_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/veriff/sandbox"
)

// ! content fails if the beginning of any file that the API has is in the
// output or a log, as it is or quoted.
func content(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg, len(args) == 0, "! content")
	s := stateOf(ts)
	written := s.seen.String()
	for _, p := range s.started {
		text, _ := p.output.read()
		written += text
	}
	for _, session := range s.Sessions() {
		for _, f := range session.Attempts[0].Media {
			begins := string(s.Bytes(f.ID)[:10])
			quoted := strings.Trim(strconv.Quote(begins), `"`)
			if strings.Contains(written, begins) || strings.Contains(written, quoted) {
				ts.Fatalf("the beginning of a %s was written: %s", f.MIMEType, quoted)
			}
		}
	}
}

// ! secret EXCEPT… fails if a shared secret, or a signature made with one, is
// in anything that was written so far: output, logs, arguments, and every file
// of the script's directory except those that are named.
func secret(ts *testscript.TestScript, neg bool, args []string) {
	s := stateOf(ts)
	if !neg {
		ts.Fatalf("usage: ! secret [EXCEPT…]")
	}
	for name, p := range s.started {
		written, _ := p.output.read()
		fmt.Fprintln(&s.seen, name, written)
	}
	if s.seen.Len() == 0 {
		ts.Fatalf("nothing was written: nothing is proved")
	}
	telling := s.telling()
	look := func(where string, content []byte) {
		content = bytes.ToLower(content)
		for _, text := range telling {
			if bytes.Contains(content, []byte(text)) {
				ts.Fatalf("a shared secret or a signature is in %s", where)
			}
		}
	}
	look("the output", s.seen.Bytes())
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(name string, d os.DirEntry, err error) error {
		for _, except := range args {
			if name == ts.MkAbs(except) {
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		look(name, content)
		return err
	}))
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// telling is what nobody may be told, in lower case: the secrets, and what the
// requests for all ids that were logged and the replies to them were signed with.
func (s *state) telling() []string {
	var texts []string
	for _, secret := range s.Secrets() {
		texts = append(texts, strings.ToLower(secret))
		sign := func(signed []byte) {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(signed)
			texts = append(texts, hex.EncodeToString(mac.Sum(nil)))
		}
		for _, id := range uuid.FindAll(s.seen.Bytes(), -1) {
			sign(id)
		}
		for _, session := range s.Sessions() {
			sign(s.Document(sandbox.SessionMedia, session.ID))
			for _, f := range session.Attempts[0].Media {
				sign(s.Bytes(f.ID))
			}
		}
	}
	return texts
}
