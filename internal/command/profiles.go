package command

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"veriffs/internal/config"
	"veriffs/veriff"
)

func profileCommand() *cli.Command {
	return &cli.Command{
		Name:  "profile",
		Usage: "list and remove profiles (veriffs login makes them)",
		Subcommands: []*cli.Command{
			{
				Name:   "list",
				Usage:  "list the profiles, and where each keeps its shared secret",
				Flags:  []cli.Flag{jsonFlag("print JSON, for programs")},
				Action: listProfiles,
			},
			{
				Name:      "remove",
				Usage:     "remove the profile NAME, and its shared secret if veriffs login stored it",
				ArgsUsage: "NAME",
				Flags:     []cli.Flag{systemFlag("remove it from the machine's profiles, in " + config.SystemPath)},
				Action:    removeProfile,
			},
		},
	}
}

// profileRow is what a list of profiles says of one. It has no key and no secret.
type profileRow struct {
	Name   string `json:"name"`
	APIURL string `json:"api_url"`
	Key    string `json:"api_key"` // masked
	Secret string `json:"shared_secret"`
	File   string `json:"file"`
}

func listProfiles(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	rows := []profileRow{}
	for _, file := range []string{config.Path(), config.SystemPath} {
		all, err := config.All(file)
		if err != nil && !(file == config.SystemPath && errors.Is(err, os.ErrPermission)) {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if slices.ContainsFunc(rows, func(r profileRow) bool { return r.Name == name }) {
				continue // the user's own goes first
			}
			p := all[name]
			rows = append(rows, profileRow{
				Name: name, APIURL: cmp.Or(masked(flagAPIURL, p.APIURL), "none"), File: file,
				Key: cmp.Or(masked(flagAPIKey, p.APIKey), "none"), Secret: cmp.Or(secretPlace(p), "none"),
			})
		}
	}
	if c.Bool("json") {
		return printJSON(c, map[string]any{"file": config.Path(), "profiles": rows})
	}
	if len(rows) == 0 {
		fmt.Fprintf(c.App.ErrWriter, "there are no profiles in %s or %s; veriffs login makes one\n", config.Path(), config.SystemPath)
		return nil
	}
	t := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROFILE\tAPI URL\tAPI KEY\tSHARED SECRET\tFILE")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", plain(r.Name), plain(r.APIURL), plain(r.Key), plain(r.Secret), plain(r.File))
	}
	return t.Flush()
}

func removeProfile(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	name, path := c.Args().First(), profilesFile(c)
	all, err := config.All(path)
	if err != nil {
		return err
	}
	old := all[name] // which may be one that nobody can use
	// The profile first: one without its secret would be of no use, a secret without
	// a profile can be removed by hand.
	if err := config.Remove(c.Context, path, name); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "Removed the profile %s from %s.\n", name, path)
	inKeyring, inFile := config.Profile{SecretKeyring: old.SecretKeyring}, config.Profile{SecretFile: old.SecretFile} // it may name both
	if err := errors.Join(discard(c, path, name, inKeyring), discard(c, path, name, inFile)); err != nil {
		return err
	}
	for _, dir := range cachesOf(old) {
		fmt.Fprintf(c.App.Writer, "Left the cache of its account in %s: veriffs purge --all, with the account's credentials, erases it.\n", dir)
	}
	return nil
}

// cachesOf returns the caches of a profile's account that are there.
func cachesOf(p config.Profile) (found []string) {
	api := veriff.Config{BaseURL: p.APIURL, APIKey: p.APIKey}
	lasting, ephemeral := cacheDirs(cmp.Or(p.CacheDir, defaultCacheDir()), &api)
	for _, dir := range []string{lasting, ephemeral} {
		if _, err := os.Lstat(dir); err == nil {
			found = append(found, dir)
		}
	}
	return found
}
