package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
	"veriffs/internal/control"
	"veriffs/internal/doctor"
)

const flagBundle = "bundle"

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "look at everything that a mount depends on, and say what to mend",
		Description: "Takes the options of mount, and looks at what a mount with them would need. Each line is ok, warn or\n" +
			"fail; what is wrong comes with what to do. The exit code is 1 if anything fails, 0 otherwise.\n" +
			"It does not look at the contents of the cache (veriffs verify --cache) and of the access log (veriffs\n" +
			"log verify), and writes nowhere: not to an anchor of the access log, not to the team store. Whether Veriff\n" +
			"reaches the receiver of webhooks can't be seen from here.",
		Flags: append(mountCommand().Flags,
			jsonFlag("print JSON, for programs: {\"findings\": [...]}"),
			&cli.StringFlag{Name: flagBundle, TakesFile: true,
				Usage: "also write a zip for support to `FILE`, with numbers and verdicts: no secret, id, name, path or address"},
		),
		Action: examine,
	}
}

func examine(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	// Before a profile changes them. An error is that of the settings, which are looked at below.
	inForce, _ := settingsInForce(c)
	o := doctorOptions(c)
	var found []doctor.Finding
	failed := 0
	doctor.Run(c.Context, o, func(f doctor.Finding) {
		if f.Verdict == doctor.Fail {
			failed++
		}
		if found = append(found, f); !c.Bool("json") {
			writeFinding(c.App.Writer, f)
		}
	})
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.Bool("json") {
		if err := printJSON(c, map[string]any{"findings": found}); err != nil {
			return err
		}
	}
	if name := c.String(flagBundle); name != "" {
		if err := writeBundle(name, found, inForce, o.Mounts); err != nil {
			return err
		}
		fmt.Fprintln(c.App.ErrWriter, "wrote", name)
	}
	if failed > 0 {
		return &hinted{code: exitFailed, err: fmt.Errorf("%d of %d checks failed", failed, len(found)),
			hint: "below each of them stands what to do; --" + flagBundle + " FILE.zip collects what support needs"}
	}
	return nil
}

func writeFinding(w io.Writer, f doctor.Finding) {
	fmt.Fprintf(w, "%-4s  %-17s  %s\n", f.Verdict, f.Check, plain(f.Says))
	if f.Mend != "" {
		fmt.Fprintf(w, "      %-17s  to mend it: %s\n", "", plain(f.Mend))
	}
}

// doctorOptions reads the settings as a mount would, and goes on without what is wrong.
func doctorOptions(c *cli.Context) doctor.Options {
	s, err := readSettings(c)
	o := doctor.Options{
		Version: version, Settings: err, AllowOther: s.allowOther, Mounts: runningMounts(c.Context),
		Device: "/dev/fuse", Config: "/etc/fuse.conf", Helper: mountpoint.Helper, Ordinary: os.Geteuid() != 0,
		Explain: func(err error) (problem, hint string) {
			if !hasHint(err) {
				err = probeError(err)
			}
			problem, hint, _ = explain(c.Context, err)
			return problem, hint
		},
	}
	if err == nil {
		// Where from is known only before: what is in the environment is removed from it.
		o.Keyring = secretSetting(c, s.profile).Source == fromProfile && s.profile.SecretKeyring
		o.Secrets = s.readSecrets(c)
	}
	o.API, o.Cache, o.Sessions, o.AccessLog, o.Key = s.api, s.cache, s.sessions, s.accessLog.path, s.accessLog.key
	o.Webhook, o.TLSCert, o.TLSKey, o.Metrics = s.webhook.address, s.webhook.cert, s.webhook.key, s.metrics
	if o.TeamDir = s.team.dir; s.team.scheme == "s3" {
		o.TeamBucket = func(ctx context.Context) error { return askBucket(ctx, s.team) }
	}
	return o
}

// askBucket asks the bucket of a team's store what a mount asks it first.
func askBucket(ctx context.Context, o teamOptions) error {
	b, err := o.bucket(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return teamError(err, o)
	}
	defer b.Close()
	if err = b.Check(ctx); isLasting(err) {
		return teamError(fmt.Errorf("%s: %w", b, err), o)
	}
	return err
}

// runningMounts returns all mounts of veriffs, with the state of this user's.
func runningMounts(ctx context.Context) (all []doctor.Mount) {
	clients := control.Find(ctx)
	for _, point := range mountpoint.All() {
		m := doctor.Mount{Point: point, Alive: !mountpoint.Stale(point)}
		for _, client := range clients {
			if client.Mountpoint != point {
				continue
			}
			if s, err := client.Status(ctx); err == nil {
				m.Status = &s
			}
		}
		all = append(all, m)
	}
	return all
}

// writeBundle makes a file for support, and replaces none.
func writeBundle(name string, found []doctor.Finding, inForce []setting, mounts []doctor.Mount) (err error) {
	settings := make([]doctor.Setting, 0, len(inForce))
	for _, s := range inForce {
		settings = append(settings, doctor.Setting{Name: s.Name, Source: s.Source, Value: s.Value})
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &usage{err: err, hint: "give a file that does not exist yet; nothing was replaced"}
	}
	if err != nil {
		return trouble(err)
	}
	err = errors.Join(doctor.WriteBundle(f, found, settings, mounts), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return trouble(err)
}
