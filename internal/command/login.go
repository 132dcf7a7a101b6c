package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/internal/config"
	"veriffs/internal/memory"
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
		Usage: "check credentials and store them as a profile",
		Description: "Asks for what neither a flag nor the environment gives. Without a terminal it reads the shared\n" +
			"secret (or several) from standard input. It stores only credentials that the API accepts, and removes\n" +
			"the secret that an earlier login of the profile stored elsewhere.",
		Flags: append(flags,
			&cli.StringFlag{Name: flagSecretStore, Category: groupAPI, EnvVars: variables(flagSecretStore), Value: storeKeyring,
				Usage: "`WHERE` to keep the shared secret: keyring (of the operating system) or file (that only you can read)"},
			systemFlag("store a profile of the machine, in "+config.SystemPath+", with the secret in a file beside it, for fstab and services")),
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
		return usageError("--%s must be %s or %s, not %q", flagSecretStore, storeKeyring, storeFile, store)
	}
	path := profilesFile(c)
	if c.Bool(flagSystem) {
		if c.IsSet(flagSecretStore) && store == storeKeyring {
			return usageError("--%s keeps the secret in a file: a keyring belongs to a user", flagSystem)
		}
		store = storeFile
	}
	// Other settings of the profile stay.
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
	if p.APIURL, err = in.line(c, flagAPIURL, "API URL, as shown on the integration's page", p.APIURL); err != nil {
		return err
	}
	if p.APIKey, err = in.line(c, flagAPIKey, "API key", p.APIKey); err != nil {
		return err
	}
	memory.Protect()
	secret, err := in.secret("Shared secret (not shown while you type)")
	if err != nil {
		return err
	}
	api := veriff.Config{BaseURL: p.APIURL, APIKey: p.APIKey, Secrets: splitSecrets(secret), UserAgent: "veriffs/" + version}
	if c.IsSet(flagVerify) {
		p.Verify = c.String(flagVerify)
	}
	if p.Verify != "" {
		if api.Verify, err = veriff.ParseVerifyMode(p.Verify); err != nil {
			return usageError("--%s must be require, present or off, not %q", flagVerify, p.Verify)
		}
	}
	found, err := try(c.Context, api)
	if err != nil {
		return err
	}

	p.SecretFile, p.SecretCommand, p.SecretKeyring = "", nil, store == storeKeyring
	if !p.SecretKeyring {
		p.SecretFile = config.SecretFile(path, name)
	}
	if c.Bool(flagSystem) {
		p = withSystemPlaces(p, name)
	}
	moved := p.SecretKeyring != old.SecretKeyring || p.SecretFile != old.SecretFile
	if err := keep(c.Context, path, name, p, strings.Join(api.Secrets, ","), moved); err != nil {
		return err
	}
	use := "use it with: veriffs mount MOUNTPOINT"
	switch {
	case c.Bool(flagSystem):
		use = "use it in /etc/fstab: " + name + " MOUNTPOINT veriffs _netdev,nofail 0 0"
	case name != defaultProfile:
		use = "use it with: veriffs mount --" + flagProfile + " " + name + " MOUNTPOINT"
	}
	fmt.Fprintf(c.App.Writer, "%s They are stored as profile %s in %s; %s\n", found, name, path, use)
	if moved {
		return discard(c, path, name, old)
	}
	return nil
}

// withSystemPlaces keeps the data of a profile of the machine where packages expect it, and
// not in the home directory of whoever mounts, unless the profile says where.
func withSystemPlaces(p config.Profile, name string) config.Profile {
	p.CacheDir = cmp.Or(p.CacheDir, "/var/cache/veriffs")
	p.InstallationKey = cmp.Or(p.InstallationKey, "/var/lib/veriffs/installation.key")
	if isEmpty(p.Sessions) {
		p.Sessions = []string{"/var/lib/veriffs/" + name + "/sessions.txt"}
	}
	return p
}

// keep stores the secret, then the profile that points to it. It leaves no secret
// behind to which no profile points.
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

// discard removes the secret that an earlier login stored elsewhere, and reports
// it.
func discard(c *cli.Context, path, name string, old config.Profile) error {
	where, gone, err := config.Discard(path, name, old)
	switch {
	case err != nil:
		return &hinted{err: fmt.Errorf("could not remove the old shared secret from %s: %w", where, err), hint: "remove it by hand", code: exitFailed}
	case gone:
		_, err = fmt.Fprintf(c.App.Writer, "Removed the old shared secret from %s.\n", where)
	case where != "":
		_, err = fmt.Fprintf(c.App.Writer, "Left the old shared secret in %s: veriffs login did not create it, or another profile uses it.\n", where)
	}
	return err
}

// try checks that the API accepts the credentials, and says what it found. An answer
// that neither accepts nor refuses them, such as that of an outage, counts only if they
// signed it. It may be how the API answers about a session that is not there.
func try(ctx context.Context, api veriff.Config) (found string, err error) {
	client, err := veriff.New(api)
	if err != nil {
		return "", err
	}
	defer client.Close()
	err = client.Probe(ctx)
	unexpected := (*veriff.Unexpected)(nil)
	signed := client.Signed()
	switch {
	case errors.As(err, &unexpected) && signed:
		found = fmt.Sprintf("The shared secret is right: it signed the API's answer. Whether the API accepts the key is not certain (%s).", unexpected.Err)
	case unexpected != nil:
		return "", undecided(unexpected.Err)
	case err != nil:
		return "", probeError(err)
	case !signed:
		return "The API answers, but its answer is not signed, so the shared secret was not checked.", nil
	default:
		found = "The API accepts these credentials."
	}
	if len(api.Secrets) > 1 {
		found += " One of the shared secrets signed its answer; the others were not checked."
	}
	return found, nil
}

func undecided(answer error) error {
	return &hinted{code: exitUnreachable,
		err:  fmt.Errorf("the API's answer does not tell whether it accepts these credentials, so nothing was stored: %w", answer),
		hint: "try again when the API is well"}
}
