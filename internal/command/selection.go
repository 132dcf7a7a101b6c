package command

import (
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/internal/listing"
)

// Names of the flags that choose files. What a mount shows has a name of its own, and
// is in no profile that a warm or an export uses: an export must not lack what nobody
// said that it should.
const (
	flagContexts     = "contexts"
	flagOnlyContexts = "only-contexts"
	flagNoVideo      = "no-video"
	flagNoNFC        = "no-nfc"
)

func contextsFlag() cli.Flag {
	return &cli.StringFlag{Name: flagContexts, Usage: "only files whose context matches one of these `PATTERNS`, such as document-*,face"}
}

func noVideoFlag() cli.Flag { return &cli.BoolFlag{Name: flagNoVideo, Usage: "skip videos"} }

func noNFCFlag() cli.Flag {
	return &cli.BoolFlag{Name: flagNoNFC, Usage: "skip what was read from chips: their data, and pictures among them"}
}

// shownFlags say what a mount shows.
func shownFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagOnlyContexts, Category: groupMount, EnvVars: variables(flagOnlyContexts), DefaultText: "all files",
			Usage: "show only files whose context matches one of these `PATTERNS`, such as document-*,face"},
		&cli.BoolFlag{Name: flagNoVideo, Category: groupMount, EnvVars: variables(flagNoVideo),
			Usage: "show no videos"},
		&cli.BoolFlag{Name: flagNoNFC, Category: groupMount, EnvVars: variables(flagNoNFC),
			Usage: "show nothing that was read from chips: neither their data nor pictures among them"},
	}
}

// wantedFiles reads these flags; contexts is the one for the patterns.
func wantedFiles(c *cli.Context, contexts string) (listing.Selection, error) {
	wanted := listing.Selection{NoVideo: c.Bool(flagNoVideo), NoNFC: c.Bool(flagNoNFC)}
	for pattern := range strings.SplitSeq(c.String(contexts), ",") {
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			wanted.Contexts = append(wanted.Contexts, pattern)
		}
	}
	if c.String(contexts) != "" && len(wanted.Contexts) == 0 {
		return wanted, usageError("--%s has no pattern", contexts)
	}
	if err := wanted.Check(); err != nil {
		return wanted, usageError("--%s: %s", contexts, trimPackage(err))
	}
	return wanted, nil
}

// readShown reads what a mount shows. Commands that are no mount show nothing.
func readShown(c *cli.Context) (listing.Selection, error) {
	if !showsFiles(c) {
		return listing.Selection{}, nil
	}
	return wantedFiles(c, flagOnlyContexts)
}

// showsFiles reports whether a command has the options of mount.
func showsFiles(c *cli.Context) bool {
	for _, f := range c.Command.Flags {
		if f.Names()[0] == flagOnlyContexts {
			return true
		}
	}
	return false
}
