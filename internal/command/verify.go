package command

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/evidence"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check an export, or everything in the cache",
		UsageText: "veriffs verify [options] BAG\nveriffs verify [options] --cache",
		Description: "BAG is what veriffs export wrote, or another BagIt bag: a folder, a .zip or a .zip.age. Every file that was\n" +
			"changed, added or removed is named, and so is what was not checked. Nothing is written, and no API is asked.\n" +
			"If the shared secret is at hand, as for a mount, Veriff's signatures are checked as well.\n" +
			"With --cache, every object in the cache is read through and checked; nothing is changed. Exit code 10 says that\n" +
			"there are objects of a secret that is not set, which can't be checked.",
		Flags: keeperFlags(
			&cli.BoolFlag{Name: "cache", Usage: "check the cache"},
			&cli.StringFlag{Name: "identity", TakesFile: true, Usage: "decrypt the bag with the age identities in `FILE`"},
			&cli.StringFlag{Name: "signer", Usage: "demand that this `KEY` signed the bag: a line of an OpenSSH public key, or a file with one"},
			&cli.StringFlag{Name: "tsa-roots", TakesFile: true, Usage: "demand that a time stamp's authority is vouched for by a certificate in `FILE`, in PEM form"},
			jsonFlag("print the result as JSON"),
		),
		Action: verify,
	}
}

func verify(c *cli.Context) error {
	if c.Bool("cache") {
		return verifyCache(c)
	}
	if c.NArg() != 1 {
		return usageError("give either one BAG or --cache")
	}
	o, err := verifyOptions(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	r, err := evidence.Verify(c.Context, name, o)
	if err != nil {
		return bagTrouble(err)
	}
	if c.Bool("json") {
		if err := printJSON(c, r); err != nil {
			return err
		}
	} else {
		printReport(c, name, r)
	}
	switch {
	case len(r.Problems) > 0:
		return &reported{code: exitTampered}
	case !r.Good():
		return &reported{code: exitIncomplete}
	}
	return nil
}

func verifyOptions(c *cli.Context) (o evidence.VerifyOptions, err error) {
	o.AccessLog = checkAccessLog
	if o.Secrets, err = secretsAtHand(c); err != nil {
		return o, err
	}
	if name := c.String("identity"); name != "" {
		if o.Identities, err = evidence.ReadIdentities(name); err != nil {
			return o, usageError("--identity: %s", trimPackage(err))
		}
	}
	if o.Signer = c.String("signer"); o.Signer != "" && !strings.Contains(o.Signer, " ") {
		text, err := os.ReadFile(o.Signer)
		if err != nil {
			return o, usageError("--signer: %s", err)
		}
		o.Signer = string(text)
	}
	if err := evidence.CheckPublicKey(o.Signer); err != nil {
		return o, usageError("--signer: %s", trimPackage(err))
	}
	if name := c.String("tsa-roots"); name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return o, usageError("--tsa-roots: %s", err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(text) {
			return o, usageError("--tsa-roots: %s has no certificate in PEM form", name)
		}
	}
	return o, nil
}

// secretsAtHand returns the shared secrets, or none: a bag can be checked without. What
// the command line names must be there.
func secretsAtHand(c *cli.Context) ([]string, error) {
	p, err := useProfile(c)
	if err == nil {
		var secrets []string
		if secrets, err = sharedSecrets(c, p); err == nil || errors.Is(err, errNoSecret) {
			return secrets, nil
		}
	}
	if c.IsSet(flagSecretFile) || c.String(flagProfile) != "" || c.Context.Err() != nil {
		return nil, err
	}
	fmt.Fprintf(c.App.ErrWriter, "veriffs: the shared secret can't be had: %s\n", trimPackage(err))
	return nil, nil
}

func printReport(c *cli.Context, name string, r *evidence.Report) {
	out := c.App.Writer
	for _, p := range r.Problems {
		fmt.Fprintln(out, p)
	}
	for _, what := range r.Lacks {
		fmt.Fprintf(out, "not in it: %s\n", what)
	}
	for _, what := range r.Checked {
		fmt.Fprintf(out, "checked: %s\n", what)
	}
	for _, what := range r.NotChecked {
		fmt.Fprintf(out, "not checked: %s\n", what)
	}
	files := fmt.Sprintf("%s of payload, %s", english.Plural(r.Files, "file", ""), bytesText(r.Bytes))
	as := "exported"
	if c.String("signer") == "" { // nothing says that it is the exporter's
		as = "signed by " + r.Signer
	}
	switch {
	case len(r.Problems) > 0:
		fmt.Fprintf(out, "%s is NOT as it was exported: %s (%s)\n", name, english.Plural(len(r.Problems), "problem", ""), files)
	case len(r.Lacks) > 0:
		fmt.Fprintf(out, "%s is as it was %s, but NOT complete (%s)\n", name, as, files)
	default:
		fmt.Fprintf(out, "%s is as it was %s, and complete (%s)\n", name, as, files)
	}
}

func verifyCache(c *cli.Context) error {
	if c.NArg() > 0 {
		return usageError("give either one BAG or --cache")
	}
	return withKeeper(c, tidies, func(k *keeper) error { return k.verifyCache(c) })
}

func (k *keeper) verifyCache(c *cli.Context) error {
	a, err := k.Audit(c.Context)
	if err != nil {
		return err
	}
	out := c.App.Writer
	if c.Bool("json") {
		if err := printJSON(c, a); err != nil {
			return err
		}
		out = c.App.ErrWriter
	} else {
		for _, d := range a.Damaged {
			what := d.Key
			if what == "" {
				what = "it is not known what"
			}
			fmt.Fprintf(out, "damaged: %s (%s): %s\n", d.Hash, what, d.Error)
		}
	}
	fmt.Fprintf(out, "%s objects in %s, %s, are as they were stored; %s damaged\n",
		humanize.Comma(a.Objects), k.cacheDir(), bytesText(a.Bytes), humanize.Comma(int64(len(a.Damaged))))
	if a.Unreadable > 0 {
		fmt.Fprintf(out, "not checked: %s objects that the configured shared secret does not open\n", humanize.Comma(a.Unreadable))
	}
	switch {
	case len(a.Damaged) > 0:
		return &hinted{code: exitTampered, err: fmt.Errorf("the cache has damaged objects: %d", len(a.Damaged)),
			hint: "nothing was changed; each is fetched again when it is next used, if Veriff still has it. If they were not damaged by a failing disk, somebody wrote to the cache"}
	case a.Unreadable > 0:
		return &hinted{code: exitIncomplete, err: errors.New("not all of the cache could be checked"),
			hint: "set the secret that sealed them as well (new,old); check that the one which is set is not mistyped"}
	}
	return nil
}

// bagTrouble explains why a bag can't be read.
func bagTrouble(err error) error {
	hint := "a bag is what veriffs export wrote: a folder with a file bagit.txt, or an archive of one"
	if errors.Is(err, evidence.ErrIdentity) {
		hint = "name the file with the age identity with --identity"
	}
	return &hinted{err: err, code: exitFailed, hint: hint}
}
