// Package config keeps profiles: named integrations with their settings, in
// one TOML file of the user's, and one of the machine's.
//
//	[profiles.main]
//	api-url = "https://stationapi.veriff.com"
//	api-key = "…"
//	secret-keyring = true
//	sessions = ["~/cases.txt"]
//	cache-size = "50GiB"
//
// # What it promises
//
// The shared secret is never in that file, only where to get it: from a file, a
// command or the operating system's keyring. A file that others could have
// written is refused: it names commands to run and the address to ask for
// documents. Saving replaces the file as a whole, so a reader sees the old one
// or the new one, and leaves all its other lines as they are. Errors never
// quote a value of the file, which may be a secret in the wrong place.
//
// # What it does not promise
//
// It does not check values, which is up to whoever uses them, and it has no
// defaults. It does not protect a secret from programs of the same user.
//
// # Concurrency
//
// There is no shared state: all functions may be called at the same time. Save
// holds a flock on the directory, against other processes that save.
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

// Profile is one integration. Keys are named like the flags whose value they set,
// except those that say where the secret is. An empty list is not one that is left out:
// of readers it is a mistake that must stay one.
type Profile struct {
	APIURL string `toml:"api-url,omitempty"`
	APIKey string `toml:"api-key,omitempty"`

	// Where the secrets are; at most one of these is set.
	SecretFile    string   `toml:"shared-secret-file,omitempty"`
	SecretCommand []string `toml:"secret-command,omitzero"` // program and arguments; prints the secrets
	SecretKeyring bool     `toml:"secret-keyring,omitempty"`

	Sessions    []string `toml:"sessions,omitzero"` // files
	Verify      string   `toml:"verify,omitempty"`
	Connections int      `toml:"connections,omitempty"`
	Bandwidth   string   `toml:"bandwidth,omitempty"`
	ListTTL     string   `toml:"list-ttl,omitempty"`
	CacheDir    string   `toml:"cache-dir,omitempty"`
	CacheSize   string   `toml:"cache-size,omitempty"`
	CacheMaxAge string   `toml:"cache-max-age,omitempty"`
	CacheKey    string   `toml:"cache-key,omitempty"`
	MinFree     string   `toml:"min-free,omitempty"`

	AllowOther bool     `toml:"allow-other,omitempty"`
	AllowUser  []string `toml:"allow-user,omitzero"`  // names or numbers
	AllowGroup []string `toml:"allow-group,omitzero"` // likewise
	OpenBudget string   `toml:"open-budget,omitempty"`

	OnlyContexts string `toml:"only-contexts,omitempty"` // patterns, of a mount alone, as the next two
	NoVideo      bool   `toml:"no-video,omitempty"`
	NoNFC        bool   `toml:"no-nfc,omitempty"`

	TeamStore          string `toml:"team-store,omitempty"`
	TeamStoreEndpoint  string `toml:"team-store-endpoint,omitempty"`
	TeamStoreRegion    string `toml:"team-store-region,omitempty"`
	TeamStorePathStyle bool   `toml:"team-store-path-style,omitempty"`
	TeamStorePad       bool   `toml:"team-store-pad,omitempty"`
	TeamStorePatience  string `toml:"team-store-patience,omitempty"`
	TeamStoreMaxAge    string `toml:"team-store-max-age,omitempty"`

	AccessLog          string   `toml:"access-log,omitempty"` // a file or a directory
	AccessLogMode      string   `toml:"access-log-mode,omitempty"`
	AccessLogAnchor    []string `toml:"access-log-anchor,omitzero"`
	AccessLogKeep      string   `toml:"access-log-keep,omitempty"`
	AccessLogArguments bool     `toml:"access-log-arguments,omitempty"`
	InstallationKey    string   `toml:"installation-key,omitempty"` // a file
}

// Error says for people why a profile can't be used.
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

// SystemPath is where the profiles of the machine are.
const SystemPath = "/etc/veriffs/veriffs.toml"

// Find returns a profile, as Load does, from the user's file or, if that has none of
// this name, from the machine's. One that the user may not read has nothing for him.
func Find(name string) (*Profile, error) {
	own, err := Load(Path(), name)
	if !errors.Is(err, ErrNoProfile) {
		return own, err
	}
	shared, sharedErr := Load(SystemPath, name)
	switch none := (*Error)(nil); {
	case errors.Is(sharedErr, os.ErrPermission) && errors.As(err, &none):
		none.Hint += "; you may not read " + SystemPath
		return nil, err
	case errors.Is(sharedErr, ErrNoProfile) && errors.As(err, &none):
		none.Problem += " and " + SystemPath
		return nil, err
	default:
		return shared, sharedErr
	}
}

type document struct {
	Profiles map[string]Profile `toml:"profiles"`
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Load returns a profile from the file at path. All paths in it are absolute: ~
// is the home directory, and others are relative to the file. An error is always
// an *Error, and wraps ErrNoProfile if there is no such profile.
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
		return nil, &Error{Problem: fmt.Sprintf("can't use the profile %q", name), Err: err, Hint: "correct it in " + path}
	}
	p.resolve(filepath.Dir(path))
	return &p, nil
}

// All returns all profiles in the file at path by their names, as Load does, without
// checking that they can be used. An error is always an *Error.
func All(path string) (map[string]Profile, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	d, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	for name, p := range d.Profiles {
		p.resolve(filepath.Dir(path))
		d.Profiles[name] = p
	}
	return d.Profiles, nil
}

// resolve makes all paths of a profile in a directory absolute.
func (p *Profile) resolve(base string) {
	p.SecretFile, p.CacheDir = resolve(base, p.SecretFile), resolve(base, p.CacheDir)
	p.AccessLog, p.InstallationKey = resolve(base, p.AccessLog), resolve(base, p.InstallationKey)
	for i := range p.Sessions {
		p.Sessions[i] = resolve(base, p.Sessions[i])
	}
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
	absolute := filepath.Join(base, path)
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		absolute = filepath.Join(xdg.Home, rest)
	}
	if strings.HasSuffix(path, "/") {
		absolute += "/" // a directory that may not be there yet
	}
	return absolute
}

// read returns the file's text, or nothing if there is no file. It refuses a file
// that somebody else may have written.
func read(path string) ([]byte, error) {
	wrong := func(err error, hint string) error {
		return &Error{Problem: "can't read the profiles", Err: err, Hint: hint}
	}
	// Opening a pipe would wait for its other end.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wrong(err, "check its permissions")
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
			return nil, wrong(fmt.Errorf("%s is not a regular file", name), "")
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

// parse never quotes a value of the file in an error: it may be a secret, written
// there by mistake.
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
		return &Error{Problem: where + ": " + problem, Hint: "the README lists the settings of a profile"}
	}
	switch {
	case err == nil:
		return d, nil
	case errors.As(err, &unknown):
		line, _ := unknown.Errors[0].Position()
		return d, wrong(line, unknown.Errors[0].Key(), "there is no such setting")
	case errors.As(err, &decode):
		line, _ := decode.Position()
		return d, wrong(line, decode.Key(), "not valid TOML, or a value of the wrong type")
	default:
		return d, &Error{Problem: path + " is not valid TOML"}
	}
}
