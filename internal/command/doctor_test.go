package command_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/url"
	"os"
	"os/user"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/veriff/sandbox"
)

func init() { scriptCommands["harmless"] = harmless }

// harmless FILE fails if a zip has anything of the stand-in's world, of the user or of
// this machine, in a file or in a file's name: secrets, ids, names, dates of birth, paths,
// addresses. It fails too if there are not the files that there should be.
func harmless(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "harmless FILE")
	z, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer z.Close()
	var all bytes.Buffer
	for _, f := range z.File {
		all.WriteString(f.Name + "\n")
		r, err := f.Open()
		ts.Check(err)
		_, err = io.Copy(&all, r)
		ts.Check(err)
	}
	text := strings.ToLower(all.String())
	for _, name := range []string{"readme.txt", "findings.json", "settings.json", "mounts.json", `"version"`} {
		if !strings.Contains(text, name) {
			ts.Fatalf("there is no %s", name)
		}
	}
	private := append(worldOf(stateOf(ts).Sandbox), machineOf(ts)...)
	if len(private) < 200 {
		ts.Fatalf("only %d texts are looked for", len(private))
	}
	for _, p := range private {
		if p = strings.ToLower(p); p != "" && strings.Contains(text, p) {
			ts.Fatalf("the bundle has %q", p)
		}
	}
	ts.Logf("%s", all.String())
}

// worldOf is what the stand-in has of secrets and of people.
func worldOf(s *sandbox.Sandbox) []string {
	private := append(s.Secrets(), s.APIKey)
	id := func(text string) {
		private = append(private, text, strings.ReplaceAll(text, "-", ""), text[:8])
	}
	for _, session := range s.Sessions() {
		id(session.ID.String())
		p := session.Person
		private = append(private, p.FirstName, p.LastName, p.Born, p.PlaceOfBirth, p.PersonalNumber, p.DocumentNumber, p.Expires)
		for _, a := range session.Attempts {
			id(a.ID.String())
			for _, f := range a.Media {
				id(f.ID.String())
			}
		}
	}
	for _, secret := range append(s.Secrets(), s.APIKey) {
		private = append(private, secret[:6], secret[len(secret)-6:])
	}
	return private
}

// machineOf is what there is of the user, of the machine and of this script.
func machineOf(ts *testscript.TestScript) []string {
	private := []string{ts.Getenv("WORK"), ts.Getenv("HOME"), "emea-okonvale", "casefile", "127.0.0.1", "localhost"}
	if host, err := os.Hostname(); err == nil && len(host) > 4 { // shorter, it is in some word
		private = append(private, host)
	}
	if who, err := user.Current(); err == nil {
		private = append(private, who.HomeDir+"/", `"`+who.Username+`"`)
	}
	u, err := url.Parse(stateOf(ts).server.URL)
	ts.Check(err)
	private = append(private, u.Host, ":"+u.Port())
	for _, name := range []string{"VERIFF_SHARED_SECRET", "KEY", "SESSION1"} {
		private = append(private, ts.Getenv(name))
	}
	return private
}
