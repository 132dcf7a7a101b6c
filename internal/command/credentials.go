package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"veriffs/internal/memory"
)

// Where the shared secret comes from if not from a file. It is never a flag: every
// user of a machine can read the arguments of a process.
const (
	secretVariable   = "VERIFF_SHARED_SECRET"
	secretCredential = "veriff-shared-secret" // below systemd's $CREDENTIALS_DIRECTORY
)

// maxSecretFile bounds a secret file, in bytes: five secrets take about 200.
const maxSecretFile = 4 << 10

// errNoSecret: no secret is given anywhere.
var errNoSecret = errors.New("the shared secret is missing")

// sharedSecrets returns the integration's secrets: from the file that a flag
// names, else from the environment, else from systemd's credential, else from
// the profile. It removes the secret from the environment, so that no child
// process inherits it. From then on the process keeps its memory to itself; a command
// that asks a mount needs no secret, and the mount can say for its log who asked.
func sharedSecrets(c *cli.Context, p *profile) ([]string, error) {
	memory.Protect()
	inEnvironment := os.Getenv(secretVariable)
	if err := os.Unsetenv(secretVariable); err != nil {
		return nil, err
	}
	text := inEnvironment
	switch directory := os.Getenv("CREDENTIALS_DIRECTORY"); {
	case c.String(flagSecretFile) != "":
		var err error
		if text, err = readSecretFile(c.String(flagSecretFile)); err != nil {
			return nil, err
		}
	case inEnvironment != "":
	case directory != "":
		var err error
		text, err = readSecretFile(filepath.Join(directory, secretCredential))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	secrets := splitSecrets(text)
	if len(secrets) == 0 {
		text, err := p.secrets(c.Context)
		if err != nil {
			return nil, err
		}
		secrets = splitSecrets(text)
	}
	if len(secrets) == 0 {
		return nil, &hinted{
			err:  errNoSecret,
			hint: "set " + secretVariable + ", name a file with --" + flagSecretFile + ", or store it with veriffs login; the Customer Portal shows it under Settings > API keys",
			code: exitUsage,
		}
	}
	return secrets, nil
}

// splitSecrets returns the secrets in a text, separated by commas or white space.
func splitSecrets(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

func readSecretFile(name string) (string, error) {
	wrong := func(err error, hint string) error {
		return &hinted{err: fmt.Errorf("can't use the shared secret file: %w", err), hint: hint, code: exitUsage}
	}
	// Without O_NONBLOCK, opening a pipe would wait for its other end.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", wrong(err, "check the path and its permissions")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", wrong(err, "")
	}
	if !info.Mode().IsRegular() {
		return "", wrong(fmt.Errorf("%s is not a regular file", name),
			"to use the output of a command, set "+secretVariable+" to it, or set secret-command in a profile; for a service, use systemd's credential "+secretCredential)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", wrong(fmt.Errorf("%s is accessible to others (mode %04o)", name, info.Mode().Perm()), "run: chmod 600 "+name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", wrong(err, "")
	}
	if len(text) > maxSecretFile {
		return "", wrong(fmt.Errorf("%s is larger than %d bytes", name, maxSecretFile), "it should contain only the secret, or several separated by commas or line ends")
	}
	return string(text), nil
}
