package command

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/retention"
)

func retentionCommand() *cli.Command {
	return &cli.Command{
		Name:      "retention",
		Usage:     "say of each session why it is still in the cache, and when it goes",
		ArgsUsage: "[SESSION…]",
		Description: "It goes by what is sealed with the objects in the cache, and asks Veriff nothing: whether Veriff still has a\n" +
			"session is what was last known.",
		Flags:  keeperFlags(jsonFlag("print JSON, for programs")),
		Action: retentionReport,
	}
}

func retentionReport(c *cli.Context) error {
	ids, err := sessionIDs(c)
	if err != nil {
		return err
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		r, err := k.Retention(c.Context, ids)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printJSON(c, r)
		}
		return writeRetention(c.App.Writer, r)
	})
}

// writeRetention shows a report to a person.
func writeRetention(w io.Writer, r retention.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SESSION\tFILES\tON DISK\tFETCHED\tWHY IT IS HERE\tAT VERIFF")
	for _, s := range r.Sessions {
		name := s.Session
		if name == "" {
			name = "(not known)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, humanize.Comma(int64(s.Files)), bytesText(s.Bytes), spanText(s.First, s.Last), whyText(s), atVeriffText(s))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Sessions) == 0 {
		fmt.Fprintln(w, "nothing of any session that is asked for is in the cache")
	}
	if r.Foreign > 0 {
		fmt.Fprintf(w, "%s objects were sealed with a secret that is not configured: whose they are can't be said\n", humanize.Comma(r.Foreign))
	}
	if r.Damaged > 0 {
		fmt.Fprintf(w, "%s objects are damaged\n", humanize.Comma(r.Damaged))
	}
	if r.Broken != "" {
		fmt.Fprintf(w, "holds that can't be read: %s\n", r.Broken)
	}
	return nil
}

func dayText(t time.Time) string { return t.Local().Format(time.DateOnly) }

func spanText(first, last time.Time) string {
	switch {
	case first.IsZero():
		return "no file"
	case dayText(first) == dayText(last):
		return dayText(first)
	}
	return dayText(first) + " to " + dayText(last)
}

func whyText(s retention.Session) string {
	pinned := ""
	if s.Pinned > 0 {
		pinned = fmt.Sprintf(", %d of %d files pinned", s.Pinned, s.Files)
	}
	goes := func() string {
		if s.LastGoes.IsZero() {
			return "it goes when room is needed" // it has no files, only lists
		}
		if dayText(s.FirstGoes) == dayText(s.LastGoes) {
			return "too old on " + dayText(s.LastGoes)
		}
		return "too old from " + dayText(s.FirstGoes) + " to " + dayText(s.LastGoes)
	}
	switch s.Why {
	case retention.WhyHeld:
		return "held" + untilText(*s.Hold) + " (" + plain(s.Hold.Reason) + ")" + pinned
	case retention.WhyHolds:
		return "kept, because a hold can't be read" + pinned
	case retention.WhyErased:
		return "it is about to be erased"
	case retention.WhyAge:
		return goes() + pinned
	case retention.WhyPinned:
		return "pinned: " + fmt.Sprintf("%d of %d files", s.Pinned, s.Files)
	}
	return "until room is needed"
}

func atVeriffText(s retention.Session) string {
	switch s.AtVeriff {
	case retention.Gone:
		if s.Asked.IsZero() {
			return "gone"
		}
		return "gone, known since " + dayText(s.Asked)
	case retention.Partly:
		return "partly gone"
	case retention.Listed:
		return "listed on " + s.Asked.Local().Format("2006-01-02 15:04")
	}
	return "not known"
}
