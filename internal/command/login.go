package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"veriffs/internal/config"
	"veriffs/veriff"
)

// Values of --secret-store.
const (
	flagSecretStore = "secret-store"
	storeKeyring    = "keyring"
	storeFile       = "file"
)

func loginCommand() *cli.Command {
	var flags []cli.Flag
	for _, f := range apiFlags() {
		switch f.Names()[0] {
		case flagProfile, flagAPIURL, flagAPIKey, flagVerify:
			flags = append(flags, f)
		}
	}
	return &cli.Command{
		Name:  "login",
		Usage: "try credentials and store them as a profile",
		Description: "Asks for what is not given by a flag or the environment. Without a terminal the shared\n" +
			"secret (or several) is read from standard input. Only what the API accepts is stored. The secret that\n" +
			"an earlier login of the profile has stored elsewhere is removed.",
		Flags: append(flags,
			&cli.StringFlag{Name: flagSecretStore, Category: groupAPI, EnvVars: variables(flagSecretStore), Value: storeKeyring,
				Usage: "`WHERE` the shared secret is kept: keyring (of the operating system) or file (for you alone)"}),
		Action: login,
	}
}

func login(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	name, store := profileName(c), c.String(flagSecretStore)
	if err := config.CheckName(name); err != nil {
		return err
	}
	if store != storeKeyring && store != storeFile {
		return usageError("--%s is %s or %s, not %q", flagSecretStore, storeKeyring, storeFile, store)
	}
	// What the profile says beside the credentials stays.
	path := config.Path()
	var old config.Profile
	switch loaded, err := config.Load(path, name); {
	case err == nil:
		old = *loaded
	case !errors.Is(err, config.ErrNoProfile):
		return err
	}
	p := old
	in := newInput(c.Context, c.App.Reader, c.App.ErrWriter)
	var err error
	if store == storeKeyring {
		if store, err = in.usableStore(config.SecretFile(path, name)); err != nil {
			return err
		}
	}
	if p.APIURL, err = in.line(c, flagAPIURL, "API URL, as the integration's page shows it", p.APIURL); err != nil {
		return err
	}
	if p.APIKey, err = in.line(c, flagAPIKey, "API key", p.APIKey); err != nil {
		return err
	}
	secret, err := in.secret("Shared secret (it is not shown)")
	if err != nil {
		return err
	}
	api := veriff.Config{BaseURL: p.APIURL, APIKey: p.APIKey, Secrets: splitSecrets(secret), UserAgent: "veriffs/" + version}
	if c.IsSet(flagVerify) {
		p.Verify = c.String(flagVerify)
	}
	if p.Verify != "" {
		if api.Verify, err = veriff.ParseVerifyMode(p.Verify); err != nil {
			return usageError("--%s is require, present or off, not %q", flagVerify, p.Verify)
		}
	}
	if err := try(c.Context, api); err != nil {
		return err
	}

	p.SecretFile, p.SecretCommand, p.SecretKeyring = "", nil, store == storeKeyring
	if !p.SecretKeyring {
		p.SecretFile = config.SecretFile(path, name)
	}
	moved := p.SecretKeyring != old.SecretKeyring || p.SecretFile != old.SecretFile
	if err := keep(c.Context, path, name, p, strings.Join(api.Secrets, ","), moved); err != nil {
		return err
	}
	with := ""
	if name != defaultProfile {
		with = " --" + flagProfile + " " + name
	}
	fmt.Fprintf(c.App.Writer, "The API accepts these credentials. They are the profile %s of %s; use it with: veriffs mount%s MOUNTPOINT\n", name, path, with)
	if moved {
		return discard(c, path, name, old)
	}
	return nil
}

// keep stores the secret and then the profile that tells where it is. A secret
// that no profile tells of is not left behind.
func keep(ctx context.Context, path, name string, p config.Profile, secret string, moved bool) error {
	var err error
	if p.SecretKeyring {
		_, err = interruptible(ctx, func() (any, error) { return nil, config.ToKeyring(name, secret) })
	} else {
		err = config.ToFile(path, name, secret)
	}
	if err != nil {
		return err
	}
	if err = config.Save(ctx, path, name, p); err != nil && moved {
		_, _, failed := config.Discard(path, name, p)
		err = errors.Join(err, failed)
	}
	return err
}

// discard removes the secret from where an earlier login stored it, and says
// so.
func discard(c *cli.Context, path, name string, old config.Profile) error {
	where, gone, err := config.Discard(path, name, old)
	switch {
	case err != nil:
		return &hinted{err: fmt.Errorf("the shared secret that was in %s before could not be removed: %w", where, err), hint: "remove it by hand", code: exitFailed}
	case gone:
		_, err = fmt.Fprintf(c.App.Writer, "The shared secret that was in %s before was removed.\n", where)
	case where != "":
		_, err = fmt.Fprintf(c.App.Writer, "%s, where the shared secret was before, stays: veriffs login did not make it, or another profile uses it.\n", where)
	}
	return err
}

// try asks the API whether it takes the credentials.
func try(ctx context.Context, api veriff.Config) error {
	client, err := veriff.New(api)
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Probe(ctx)
	if unexpected := (*veriff.Unexpected)(nil); errors.As(err, &unexpected) {
		return nil
	}
	return probeError(err)
}

// input asks a person, if there is one, or reads standard input.
type input struct {
	ctx      context.Context
	r        io.Reader
	prompts  io.Writer
	terminal *os.File // nil: there is nobody to ask
}

func newInput(ctx context.Context, r io.Reader, prompts io.Writer) *input {
	in := &input{ctx: ctx, r: r, prompts: prompts}
	if i, ok := r.(*interruptibleReader); ok {
		r = i.r
	}
	if f, ok := r.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		in.terminal = f
	}
	return in
}

// usableStore returns the store for a secret that is meant for the keyring. It
// looks whether there is one before anything else is asked, and if not offers
// the file.
func (in *input) usableStore(file string) (string, error) {
	_, err := interruptible(in.ctx, func() (any, error) { return nil, config.TryKeyring() })
	if err == nil {
		return storeKeyring, nil
	}
	if in.terminal == nil || in.ctx.Err() != nil {
		return "", err
	}
	fmt.Fprintf(in.prompts, "%s.\nKeep the shared secret in a file that you alone can read, %s? [Y/n]: ", err, file)
	answer, failed := in.typed(func() ([]byte, error) { return readLine(in.terminal) })
	switch {
	case failed != nil:
		return "", failed
	case answer == "" || strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"):
		return storeFile, nil
	}
	return "", err
}

// line returns the value of a flag, or what is typed, or the value from before.
func (in *input) line(c *cli.Context, flag, prompt, before string) (string, error) {
	if value := c.String(flag); value != "" {
		return value, nil
	}
	if in.terminal == nil {
		return before, nil // "" is found out later, with a hint
	}
	if before != "" {
		prompt += " [" + before + "]"
	}
	fmt.Fprintf(in.prompts, "%s: ", prompt)
	typed, err := in.typed(func() ([]byte, error) { return readLine(in.terminal) })
	if typed == "" {
		typed = before
	}
	return typed, err
}

// secret returns what is typed unseen, or all of standard input.
func (in *input) secret(prompt string) (string, error) {
	if in.terminal == nil {
		text, err := io.ReadAll(io.LimitReader(in.r, maxSecretFile+1))
		if err == nil && len(text) > maxSecretFile {
			err = usageError("standard input is larger than %d bytes: it should be the shared secret", maxSecretFile)
		}
		return string(text), err
	}
	fmt.Fprintf(in.prompts, "%s: ", prompt)
	defer fmt.Fprintln(in.prompts)
	return in.typed(func() ([]byte, error) { return term.ReadPassword(int(in.terminal.Fd())) })
}

// typed reads from the terminal, which is left as it was.
func (in *input) typed(read func() ([]byte, error)) (string, error) {
	before, err := term.GetState(int(in.terminal.Fd()))
	if err != nil {
		return "", err
	}
	text, err := interruptible(in.ctx, read)
	if in.ctx.Err() != nil {
		err = errors.Join(err, term.Restore(int(in.terminal.Fd()), before))
	}
	return string(bytes.TrimSpace(text)), err
}

// readLine reads byte by byte, so that it takes nothing of what comes next.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < maxSecretFile; {
		switch _, err := r.Read(b); {
		case err != nil:
			return line, err
		case b[0] == '\n':
			return line, nil
		}
		line = append(line, b[0])
	}
	return nil, usageError("the line is too long")
}
