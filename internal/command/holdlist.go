package command

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"veriffs/internal/library"
)

// holdReport is what hold list prints for programs.
type holdReport struct {
	Holds []library.Hold `json:"holds"`
	// Unreadable says why the records of other holds can't be read; left out if all can be.
	Unreadable string `json:"unreadable,omitempty"`
	// Foreign is the number of secrets that are not configured and have sealed other holds.
	Foreign int `json:"foreign_secrets,omitempty"`
	// Team are the holds of other members; left out without a team store.
	Team []library.TeamHold `json:"team,omitzero"`
	// TeamUnknown says why there may be others of them.
	TeamUnknown string `json:"team_unknown,omitempty"`
}

func holdList(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return withKeeper(c, tidies, func(k *keeper) error {
		holds, err := k.Holds(c.Context)
		var others *library.HeldError
		if err != nil && !errors.As(err, &others) {
			return err
		}
		team, unknown := k.TeamHolds(c.Context)
		if errors.Is(unknown, library.ErrNoTeam) {
			team, unknown = nil, nil
		} else if team == nil {
			team = []library.TeamHold{}
		}
		if c.Bool("json") {
			r := holdReportOf(holds, others)
			if r.Team = team; unknown != nil {
				r.TeamUnknown = trimPackage(unknown)
			}
			return errors.Join(printJSON(c, r), othersHeld(others), trouble(unknown))
		}
		for _, h := range holds {
			fmt.Fprintf(c.App.Writer, "%s  since %s%s%s: %s\n", h.Session, h.Since.Local().Format(time.DateOnly), untilText(h), byText(plain(h.By)), plain(h.Reason))
			fmt.Fprintf(c.App.Writer, "  %s of %s; %s\n", english.Plural(h.Files, "file", ""), english.Plural(h.Attempts, "attempt", ""), goneText(h))
		}
		writeTeamHolds(c.App.Writer, team)
		if len(holds)+len(team) == 0 && others == nil && unknown == nil {
			fmt.Fprintln(c.App.ErrWriter, "veriffs: there are no holds")
		}
		return errors.Join(othersHeld(others), trouble(unknown))
	})
}

// writeTeamHolds shows the holds of other members to a person.
func writeTeamHolds(w io.Writer, team []library.TeamHold) {
	for _, part := range []struct {
		left  bool
		title string
	}{
		{false, "held by other members of the team:"},
		{true, "left in the team store by holds of which this cache has no record any more (veriffs hold release removes them):"},
	} {
		for _, h := range team {
			if h.Left != part.left {
				continue
			}
			if part.title != "" {
				fmt.Fprintln(w, part.title)
				part.title = ""
			}
			until := untilText(library.Hold{Until: h.Until})
			fmt.Fprintf(w, "%s  since %s%s%s: %s\n", plain(h.Session), h.Since.Local().Format(time.DateOnly), until, byText(plain(h.By)), plain(h.Reason))
			fmt.Fprintf(w, "  %s; %s in the store\n", whoseText(h), h.Object)
		}
	}
}

// whoseText names the member that has a hold.
func whoseText(h library.TeamHold) string {
	whose := h.Whose()
	if h.Here {
		whose = fmt.Sprintf("another cache of this installation, %s on %s", h.Cache, h.Host)
	}
	return plain(whose)
}

func holdReportOf(holds []library.Hold, others *library.HeldError) holdReport {
	r := holdReport{Holds: holds}
	if holds == nil {
		r.Holds = []library.Hold{}
	}
	if others != nil {
		r.Foreign = others.Foreign
		if others.Unreadable != nil {
			r.Unreadable = trimPackage(others.Unreadable)
		}
	}
	return r
}

// othersHeld says that there are holds which a list lacks.
func othersHeld(others *library.HeldError) error {
	if others == nil {
		return nil
	}
	return heldTrouble(fmt.Errorf("there are holds that can't be listed: %w", others))
}

func byText(by string) string {
	if by == "" {
		return ""
	}
	return ", by " + by
}

// goneText says what Veriff no longer has of a held session, and what is missing here.
func goneText(h library.Hold) string {
	text := "Veriff still has it, as far as is known"
	switch g := h.Gone; {
	case g == nil:
	case !g.Session.IsZero():
		text = "Veriff no longer has it, known since " + g.Session.Local().Format(time.DateOnly)
	default:
		text = fmt.Sprintf("Veriff no longer has %s, %s and %s of it", english.Plural(len(g.Attempts), "attempt", ""), english.Plural(len(g.Files), "file", ""), english.Plural(len(g.Documents), "document", ""))
	}
	if h.Complete.IsZero() {
		text += "; something is missing here: run hold add again"
	}
	return text
}

// heldTrouble adds an exit code and advice to what a hold has forbidden.
func heldTrouble(err error) error {
	if err == nil {
		return nil
	}
	var hints []string
	text := err.Error() // which is all that a mount sends
	if strings.Contains(text, "of which it has no record any more") {
		hints = append(hints, "if it is not to be held any more, remove it from the store: veriffs hold release SESSION --reason TEXT")
	}
	if strings.Contains(text, "another cache of this installation") {
		hints = append(hints, "release it with that cache: its directory, which veriffs hold list shows, lies in the one for --cache-dir")
	}
	if strings.Contains(text, "another member") {
		hints = append(hints, "only that member can release it: ask whoever runs it; veriffs hold list shows who that is")
	}
	if strings.Contains(text, "in the team store no configured secret opens") {
		hints = append(hints, "check that the secret is not mistyped, and that the old one is set as well if it was changed (new,old); only then, once you know that it holds nothing, "+removeByHand(text))
	}
	if strings.Contains(text, "this version of veriffs can't read file://") || strings.Contains(text, "this version of veriffs can't read s3://") {
		hints = append(hints, "a newer version may have put it: use that one here as well; if none has, "+removeByHand(text))
	}
	if strings.Contains(text, "can't be read") {
		hints = append(hints, "hold the sessions that you know were held once more (veriffs hold add), or give the others up: veriffs hold release --unreadable --reason TEXT")
	}
	if strings.Contains(text, "not configured") {
		hints = append(hints, "set the secret that sealed them as well (new,old); check that the one which is set is not mistyped")
	}
	if len(hints) == 0 {
		hints = append(hints, "veriffs hold list shows the holds; veriffs hold release SESSION --reason TEXT ends one")
	}
	return &hinted{err: err, code: exitHeld, hint: strings.Join(hints, "; ")}
}

// inStore finds the first object of a team's store that a text names in the place of holds.
var inStore = regexp.MustCompile(`(file|s3)://(.+?)/?(holds/[0-9a-f]{32})`)

// removeByHand says how to look at what a text names there, and how to remove it.
func removeByHand(text string) string {
	found := inStore.FindStringSubmatch(text)
	switch {
	case found == nil:
		return "remove it with the tools of the storage"
	case found[1] == "file":
		path := quoted("/" + strings.Trim(found[2], "/") + "/" + found[3])
		return fmt.Sprintf("look at it with ls -l %s and remove it with rm %s", path, path)
	}
	bucket, prefix, _ := strings.Cut(found[2]+"/", "/")
	at := fmt.Sprintf("--bucket %s --%%s %s", quoted(bucket), quoted(prefix+found[3]))
	return fmt.Sprintf("look at it with aws s3api list-object-versions "+at+" and remove each version and marker with aws s3api delete-object "+at+" --version-id ID (elsewhere than AWS with --endpoint-url)", "prefix", "key")
}

// quoted is a word for a shell.
func quoted(word string) string {
	if !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
