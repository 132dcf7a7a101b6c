// Package config keeps profiles: named integrations with their settings, in
// one TOML file of the user's.
//
//	[profiles.main]
//	api-url = "https://stationapi.veriff.com"
//	api-key = "…"
//	secret-keyring = true
//	sessions = ["~/cases.txt"]
//	cache-size = "50GiB"
//
// What it promises: the shared secret is never in that file, only where to get
// it: from a file, a command or the keyring of the operating system. A file
// that others could have written is refused, since it names commands to run and
// the address that documents are asked of. What a profile does not say it
// leaves to others; what it says is checked by whoever uses it. Saving replaces
// the file as a whole, so that a reader sees the old one or the new, and leaves
// every other line of it as it is.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/adrg/xdg"
	"github.com/pelletier/go-toml/v2"
)

// maxFile bounds the file, in bytes.
const maxFile = 1 << 20

// Profile is one integration. The keys that are not about the secret are
// called like the flags whose value they give.
type Profile struct {
	APIURL string `toml:"api-url,omitempty"`
	APIKey string `toml:"api-key,omitempty"`

	// At most one of these says where the secrets are.
	SecretFile    string   `toml:"shared-secret-file,omitempty"`
	SecretCommand []string `toml:"secret-command,omitempty"` // program and arguments; prints the secrets
	SecretKeyring bool     `toml:"secret-keyring,omitempty"`

	Sessions    []string `toml:"sessions,omitempty"` // files
	Verify      string   `toml:"verify,omitempty"`
	Connections int      `toml:"connections,omitempty"`
	ListTTL     string   `toml:"list-ttl,omitempty"`
	CacheDir    string   `toml:"cache-dir,omitempty"`
	CacheSize   string   `toml:"cache-size,omitempty"`
	CacheMaxAge string   `toml:"cache-max-age,omitempty"`
	CacheKey    string   `toml:"cache-key,omitempty"`
	MinFree     string   `toml:"min-free,omitempty"`
}

// Error is a profile that can't be used, in words for a person.
type Error struct {
	Problem, Hint string
	Err           error // may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Problem + ": " + e.Err.Error()
	}
	return e.Problem
}

func (e *Error) Unwrap() error { return e.Err }

// ErrNoProfile says that there is no such profile, or no file of profiles.
var ErrNoProfile = errors.New("there is no such profile")

// Path is where the profiles are: veriffs/veriffs.toml in the user's
// configuration directory.
func Path() string { return filepath.Join(xdg.ConfigHome, "veriffs", "veriffs.toml") }

type document struct {
	Profiles map[string]Profile `toml:"profiles"`
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Load returns the profile of that name from the file at path, with every
// path in it absolute: ~ is the home directory, and others are relative to the
// file. The error is ErrNoProfile, wrapped, if there is none, and always an
// *Error.
func Load(path, name string) (*Profile, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	d, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	p, ok := d.Profiles[name]
	if !ok {
		return nil, noProfile(path, name, d)
	}
	if err := p.check(); err != nil {
		return nil, &Error{Problem: fmt.Sprintf("the profile %q can't be used", name), Err: err, Hint: "correct it in " + path}
	}
	base := filepath.Dir(path)
	p.SecretFile, p.CacheDir = resolve(base, p.SecretFile), resolve(base, p.CacheDir)
	for i := range p.Sessions {
		p.Sessions[i] = resolve(base, p.Sessions[i])
	}
	return &p, nil
}

func noProfile(path, name string, d document) error {
	hint := "make one with: veriffs login --profile " + name
	if len(d.Profiles) > 0 {
		names := make([]string, 0, len(d.Profiles))
		for name := range d.Profiles {
			names = append(names, name)
		}
		slices.Sort(names)
		hint = "there are: " + strings.Join(names, ", ") + "; " + hint
	}
	return &Error{Problem: fmt.Sprintf("profile %q in %s", name, path), Err: ErrNoProfile, Hint: hint}
}

func (p *Profile) check() error {
	sources := 0
	for _, given := range []bool{p.SecretFile != "", len(p.SecretCommand) > 0, p.SecretKeyring} {
		if given {
			sources++
		}
	}
	if sources > 1 {
		return errors.New("shared-secret-file, secret-command and secret-keyring exclude each other")
	}
	return nil
}

// resolve makes a path of a profile absolute.
func resolve(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(xdg.Home, rest)
	}
	return filepath.Join(base, path)
}

// read returns the file's text; nothing if there is no file. It refuses one
// that somebody else may have written.
func read(path string) ([]byte, error) {
	wrong := func(err error, hint string) error {
		return &Error{Problem: "the profiles can't be read", Err: err, Hint: hint}
	}
	// Opening a pipe would wait for its other end.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wrong(err, "check who may read it")
	}
	defer f.Close()
	for _, name := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(name)
		if name == path {
			info, err = f.Stat()
		}
		if err != nil {
			return nil, wrong(err, "")
		}
		if name == path && !info.Mode().IsRegular() {
			return nil, wrong(fmt.Errorf("%s is no regular file", name), "")
		}
		if info.Mode().Perm()&0o022 != 0 {
			return nil, wrong(fmt.Errorf("%s can be written by others (mode %04o)", name, info.Mode().Perm()), "run: chmod go-w "+name)
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Geteuid() {
			return nil, wrong(fmt.Errorf("%s belongs to another user", name), "use a file of your own")
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, wrong(err, "")
	}
	if len(text) > maxFile {
		return nil, wrong(fmt.Errorf("%s is larger than %d bytes", path, maxFile), "")
	}
	return text, nil
}

// parse never lets a value of the file into an error: a secret may have been
// written there by mistake.
func parse(path string, text []byte) (d document, err error) {
	decoder := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err = decoder.Decode(&d)
	var (
		unknown *toml.StrictMissingError
		decode  *toml.DecodeError
	)
	wrong := func(line int, key toml.Key, problem string) error {
		where := fmt.Sprintf("%s, line %d", path, line)
		if len(key) > 0 {
			where += ", " + strings.Join(key, ".")
		}
		return &Error{Problem: where + ": " + problem, Hint: "the README lists what a profile can say"}
	}
	switch {
	case err == nil:
		return d, nil
	case errors.As(err, &unknown):
		line, _ := unknown.Errors[0].Position()
		return d, wrong(line, unknown.Errors[0].Key(), "there is no such setting")
	case errors.As(err, &decode):
		line, _ := decode.Position()
		return d, wrong(line, decode.Key(), "this is not understood (TOML)")
	default:
		return d, &Error{Problem: path + " is not understood (TOML)"}
	}
}
