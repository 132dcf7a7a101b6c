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
)

// Where credentials come from beside the flags. The shared secret is never a
// flag: every user of a machine can read the arguments of a process.
const (
	secretVariable   = "VERIFF_SHARED_SECRET"
	secretCredential = "veriff-shared-secret" // below systemd's $CREDENTIALS_DIRECTORY
)

// maxSecretFile bounds the file of secrets: five of them are some 200 bytes.
const maxSecretFile = 4 << 10

// sharedSecrets returns the integration's secrets: those of the file that a
// flag names, else of the environment, else of systemd's credential, else of
// the profile. The environment's is removed from it, so that no child process
// inherits it.
func sharedSecrets(c *cli.Context, p *profile) ([]string, error) {
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
			err:  errors.New("no shared secret is given"),
			hint: "set " + secretVariable + ", name a file with --" + flagSecretFile + " or store it with veriffs login; the Customer Portal shows the secret under Settings > API keys",
			code: exitUsage,
		}
	}
	return secrets, nil
}

// splitSecrets returns the secrets of a text, which have commas or white space
// between them.
func splitSecrets(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

func readSecretFile(name string) (string, error) {
	wrong := func(err error, hint string) error {
		return &hinted{err: fmt.Errorf("the file of the shared secret can't be used: %w", err), hint: hint, code: exitUsage}
	}
	// Opening a pipe would wait for its other end.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", wrong(err, "check the path and who may read it")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", wrong(err, "")
	}
	if !info.Mode().IsRegular() {
		return "", wrong(fmt.Errorf("%s is no regular file", name),
			"a secret that a command prints goes into "+secretVariable+", or the command into a profile as secret-command; a service has systemd's credential "+secretCredential)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", wrong(fmt.Errorf("%s is accessible to others (mode %04o)", name, info.Mode().Perm()), "run: chmod 600 "+name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", wrong(err, "")
	}
	if len(text) > maxSecretFile {
		return "", wrong(fmt.Errorf("%s is larger than %d bytes", name, maxSecretFile), "it should hold the secret alone, or several with commas or line ends between them")
	}
	return string(text), nil
}
