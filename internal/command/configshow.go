package command

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"veriffs/internal/config"
	"veriffs/veriff"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "show the settings in force",
		Subcommands: []*cli.Command{{
			Name:  "show",
			Usage: "show each setting of mount, its value, and where that comes from",
			Description: "Takes the options of mount. A setting comes from an option, from an environment variable, from the\n" +
				"profile, or is the default. Nothing is started, no keyring or command is asked, and no secret is shown.\n" +
				"A value that mount refuses as such is an error, after the list. Whether files and addresses can be used\n" +
				"is not looked at: veriffs doctor does that.",
			Flags:  append(mountCommand().Flags, jsonFlag("print JSON, for programs")),
			Action: showConfig,
		}},
	}
}

// Where a setting comes from.
const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromProfile     = "profile"
	fromDefault     = "default"
	fromFile        = "file" // the shared secret alone
	fromCredential  = "credential"
)

// setting is one setting in force.
type setting struct {
	Name   string `json:"name"` // that of the option of mount
	Value  string `json:"value"`
	Source string `json:"source"`
	From   string `json:"from,omitempty"` // the variable, profile or file
}

func showConfig(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	all, err := settingsInForce(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = printJSON(c, map[string]any{"settings": all})
	} else {
		err = writeSettings(c.App.Writer, all)
	}
	return cmp.Or(err, checkSettings(c))
}

// checkSettings returns the error with which a mount would refuse a setting. One that
// is missing is none.
func checkSettings(c *cli.Context) error {
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	if _, _, err := readLogging(c); err != nil {
		return err
	}
	if s.api.BaseURL == "" || s.api.APIKey == "" {
		return nil
	}
	s.api.Secrets = []string{"-"} // the real ones are not read
	client, err := veriff.New(s.api)
	if err != nil {
		return err
	}
	client.Close()
	return nil
}

func writeSettings(w io.Writer, all []setting) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tFROM")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, plain(s.Value), plain(strings.TrimSpace(s.Source+" "+s.From)))
	}
	return t.Flush()
}

// settingsInForce returns the settings of mount by their names. It fills in what only
// the profile says.
func settingsInForce(c *cli.Context) (all []setting, err error) {
	given := make(map[string]setting)
	for _, f := range mountCommand().Flags {
		if given[f.Names()[0]], err = givenSetting(c, f); err != nil {
			return nil, err
		}
	}
	profile, err := useProfile(c)
	if err != nil {
		return nil, err
	}
	for name, s := range given {
		text := fmt.Sprint(c.Value(name))
		if list, ok := c.Value(name).(cli.StringSlice); ok {
			text = strings.Join(list.Value(), ", ")
		}
		if s.Source == fromDefault && profile != nil && c.IsSet(name) && (text != "" || listsReaders(name)) { // an empty option sets nothing
			s.Source, s.From = fromProfile, profile.name
		}
		if s.Value = masked(name, text); text == "" {
			s.Value = s.unset(c)
		}
		all = append(all, s)
	}
	if name := c.String(flagProfile); name == "" && profile != nil {
		i := slices.IndexFunc(all, func(s setting) bool { return s.Name == flagProfile })
		all[i].Value = profile.name
	}
	all = append(all, secretSetting(c, profile))
	slices.SortFunc(all, func(a, b setting) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// givenSetting says whether the command line or the environment gives a setting. fresh
// is its flag as no command line has set it: its value is the environment's.
func givenSetting(c *cli.Context, fresh cli.Flag) (setting, error) {
	s := setting{Name: fresh.Names()[0], Source: fromDefault}
	set := flag.NewFlagSet("", flag.ContinueOnError)
	if err := fresh.Apply(set); err != nil {
		return s, err
	}
	of, ok := fresh.(cli.DocGenerationFlag)
	if !ok || !given(c, s.Name) {
		return s, nil
	}
	s.Source = fromFlag
	variable := slices.IndexFunc(of.GetEnvVars(), func(name string) bool { _, there := os.LookupEnv(name); return there })
	// An option overrides the variable, or adds to it.
	if variable >= 0 && fmt.Sprint(c.Value(s.Name)) == fmt.Sprint(set.Lookup(s.Name).Value.(flag.Getter).Get()) {
		s.Source, s.From = fromEnvironment, of.GetEnvVars()[variable]
	}
	return s, nil
}

// unset is what a setting without a value stands for.
func (s *setting) unset(c *cli.Context) string {
	switch s.Name {
	case flagSessions:
		return defaultSessions()
	case flagInstallationKey:
		if o, err := readAccessLog(c); err == nil {
			return o.key
		}
	}
	return "none"
}

// masked hides what a value has of secrets. The first characters of the API's key tell
// keys apart; whole, it would let others name this integration. The command of an
// anchor can hold a password.
func masked(name, value string) string {
	switch {
	case name == flagAPIKey && len(value) > 8:
		return value[:4] + "…"
	case name == flagAPIKey && value != "":
		return "…"
	case name == flagAccessLogAnchor:
		anchors := strings.Split(value, "\n")
		for i, a := range anchors {
			if strings.HasPrefix(a, "exec:") {
				anchors[i] = "exec:…"
			}
		}
		return strings.Join(anchors, ", ")
	case hasUser(value):
		return "…"
	}
	if address, _, has := strings.Cut(value, "?"); has && strings.Contains(address, "://") {
		return address + "?…" // a query may have a token
	}
	return value
}

// secretSetting says where the shared secret comes from, in the order of sharedSecrets.
// It does not read it.
func secretSetting(c *cli.Context, p *profile) setting {
	s := setting{Name: "shared-secret", Value: "…"}
	credential := filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), secretCredential)
	_, none := os.Lstat(credential)
	switch {
	case c.String(flagSecretFile) != "":
		s.Source, s.From = fromFile, c.String(flagSecretFile)
	case os.Getenv(secretVariable) != "":
		s.Source, s.From = fromEnvironment, secretVariable
	case os.Getenv("CREDENTIALS_DIRECTORY") != "" && none == nil:
		s.Source, s.From = fromCredential, credential
	case p != nil && p.keeps() != "":
		s.Source, s.From = fromProfile, p.name+": "+p.keeps()
	default:
		s.Value, s.Source = "none", fromDefault
	}
	return s
}

// keeps says where a profile keeps its shared secret; "" if nowhere.
func (p *profile) keeps() string { return secretPlace(*p.Profile) }

// secretPlace says where a profile keeps its shared secret; "" if nowhere.
func secretPlace(p config.Profile) string {
	switch {
	case p.SecretFile != "":
		return p.SecretFile
	case len(p.SecretCommand) > 0:
		return "the command " + p.SecretCommand[0] // its arguments may be secret
	case p.SecretKeyring:
		return "the keyring"
	}
	return ""
}
