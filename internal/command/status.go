package command

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/control"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show the state of all running mounts, or of the one on MOUNTPOINT",
		ArgsUsage: "[MOUNTPOINT]",
		Flags: []cli.Flag{
			jsonFlag("print JSON, for programs: {\"mounts\": [...]}"),
			mountFlag(),
		},
		Action: status,
	}
}

func status(c *cli.Context) error {
	if c.NArg() > 1 {
		return usageError("only one MOUNTPOINT is allowed")
	}
	point := c.String(flagMount)
	if c.NArg() == 1 {
		point = c.Args().First()
	}
	mounts := control.Find(c.Context)
	if point != "" {
		m, err := control.Choose(mounts, point)
		if err != nil {
			return &hinted{err: err, code: exitMount, hint: "veriffs status, without MOUNTPOINT, lists this user's running mounts"}
		}
		mounts = []*control.Client{m}
	}
	all := make([]control.Status, 0, len(mounts))
	var errs error
	for _, m := range mounts {
		s, err := m.Status(c.Context)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		all = append(all, s)
	}
	if c.Bool("json") {
		return errors.Join(errs, printJSON(c, map[string]any{"mounts": all}))
	}
	if len(mounts) == 0 {
		return &hinted{err: control.ErrNoMount, code: exitMount, hint: "start one with veriffs mount MOUNTPOINT; only the user who started a mount sees it"}
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(c.App.Writer)
		}
		if err := writeStatus(c.App.Writer, s, time.Now()); err != nil {
			return err
		}
	}
	return errs
}

// writeStatus shows a mount's status to a person.
func writeStatus(w io.Writer, s control.Status, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(t, s.Mountpoint)
	row("mounted", "for %s, by process %d, veriffs %s%s", now.Sub(s.Started).Round(time.Second), s.PID, s.Version, restartsText(s.Restarts))
	switch {
	case !s.Online:
		row("API", "out of reach, cached files keep working: %s", s.Offline)
	case s.API.HeldUntil.After(now):
		row("API", "in reach; %s", heldText(s.API.HeldUntil, now))
	default:
		row("API", "in reach")
	}
	row("sessions", "%s", humanize.Comma(int64(s.Sessions)))
	row("cache", "%s files and lists, %s of %s%s", humanize.Comma(s.Cache.Objects), bytesText(s.Cache.Bytes), bytesText(s.Cache.Limit), cacheText(s.Cache))
	row("opened", "%s files, %s of them from the cache%s", humanize.Comma(s.Opens.Total), percent(s.Opens.Cached, s.Opens.Total), failedText(s.Opens.Failed))
	if s.Opens.Refused > 0 {
		row("refused", "%s opens and looks, of users who may not read or have opened too many files", humanize.Comma(s.Opens.Refused))
	}
	row("in flight", "%d files, %d lists, %d requests", s.InFlight.Files, s.InFlight.Listings, s.InFlight.Requests)
	if s.Bandwidth > 0 {
		row("bandwidth", "files are fetched at %s/s at most", humanize.Bytes(uint64(s.Bandwidth)))
	}
	if n := s.ReadAhead.Used + s.ReadAhead.Wasted; n > 0 {
		row("read ahead", "%s files, %s of them used", humanize.Comma(n), percent(s.ReadAhead.Used, n))
	}
	if s.TeamStore != nil {
		row("team store", "%s", teamText(*s.TeamStore))
	}
	if s.AccessLog != nil {
		row("access log", "%s", accessLogText(*s.AccessLog, now))
	}
	if s.API.Requests > 0 {
		row("requests", "%s, %s received; first byte after %s (half of them), %s (99 %%)", humanize.Comma(s.API.Requests), bytesText(s.API.Bytes), secondsText(s.API.P50), secondsText(s.API.P99))
	}
	if len(s.API.Errors) > 0 {
		row("errors", "%s", errorsText(s.API.Errors))
	}
	return t.Flush()
}

// teamText says what a team's store was good for, and what is wrong with it.
func teamText(t control.TeamStatus) string {
	text := fmt.Sprintf("%s: %s files from it, %s added", t.Store, humanize.Comma(t.Hits), humanize.Comma(t.Added))
	for _, more := range []struct {
		n    int64
		what string
	}{{t.Queued, "to be added"}, {t.Refused, "refused"}, {t.Failed, "failed"}, {t.Late, "late"}, {t.Unsent + t.Dropped, "not added"}, {int64(t.Unannounced), "holds not in it yet"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %s %s", humanize.Comma(more.n), more.what)
		}
	}
	switch {
	case t.Reading != "":
		text += "; it does not answer as it should: " + t.Reading
	case t.Writing != "":
		text += "; nothing can be added: " + t.Writing
	}
	return text
}

// heldText says until when requests are held back.
func heldText(until, now time.Time) string {
	return fmt.Sprintf("it asked for fewer requests; none is sent before %s, in %s",
		until.Local().Format(time.TimeOnly), until.Sub(now).Round(time.Second))
}

func restartsText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; mounted again %s after a crash", english.Plural(n, "time", ""))
}

func bytesText(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

func secondsText(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "none"
	}
	return fmt.Sprintf("%d %%", 100*part/whole)
}

func failedText(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s failed", humanize.Comma(n))
}

// cacheText says what is unusual about a cache.
func cacheText(c control.CacheStatus) string {
	var notes []string
	switch c.State {
	case "loading":
		notes = append(notes, "still being indexed")
	case "bypassed":
		notes = append(notes, "OUT OF USE: its disk is full or failing")
	}
	if c.Pinned > 0 {
		notes = append(notes, humanize.Comma(c.Pinned)+" pinned")
	}
	if c.Damaged > 0 {
		notes = append(notes, humanize.Comma(c.Damaged)+" found damaged and deleted")
	}
	if len(notes) == 0 {
		return ""
	}
	return "; " + strings.Join(notes, "; ")
}

func errorsText(counts map[string]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %s", humanize.Comma(counts[kind]), kind))
	}
	return strings.Join(parts, ", ")
}
