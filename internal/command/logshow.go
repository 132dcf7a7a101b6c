package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
)

func logShowCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "show records of the access log, oldest first",
		Description: "Reading the log is recorded in it. A record says that a file was opened, never how much of it was\n" +
			"read. What is shown is not verified: veriffs log verify does that.",
		Flags: whichLogFlags(append(filterFlags(),
			jsonFlag("print the records as they are in the log, one JSON object a line; what a terminal would obey is escaped"),
			&cli.BoolFlag{Name: "ocsf", Usage: "print OCSF events (File System Activity, class 1001), one JSON object a line"},
		)...),
		Action: logShow,
	}
}

func logShow(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if c.Bool("json") && c.Bool("ocsf") {
		return usageError("--json and --ocsf can't both be given")
	}
	path, key, err := namedLog(c)
	if err != nil {
		return err
	}
	filter, err := readFilter(c, time.Now())
	if err != nil {
		return err
	}
	if err := audit.Exists(path); err != nil {
		return err
	}
	recordReading(c, path, key, accesslog.Record{Detail: readingDetail("show", filter)})
	out := bufio.NewWriter(c.App.Writer)
	shown := 0
	show := tableRow(out)
	switch {
	case c.Bool("json"):
		show = func(_ *accesslog.Record, line []byte) error {
			_, err := out.Write(append(plainJSON(line[:len(line):len(line)]), '\n'))
			return err
		}
	case c.Bool("ocsf"):
		show = func(r *accesslog.Record, _ []byte) error {
			event, err := json.Marshal(ocsfEvent(r))
			if err == nil {
				_, err = out.Write(append(plainJSON(event), '\n'))
			}
			return err
		}
	}
	err = audit.Read(path, filter, func(r *accesslog.Record, line []byte) error {
		if err := c.Context.Err(); err != nil {
			return err
		}
		shown++
		return show(r, line)
	})
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if shown == 0 {
		fmt.Fprintln(c.App.ErrWriter, "veriffs: no record matches")
	}
	return nil
}

// readingDetail is the detail of a log-read record.
func readingDetail(command string, f accesslog.Filter) json.RawMessage {
	text, err := json.Marshal(struct {
		Command string           `json:"command"`
		Filter  accesslog.Filter `json:"filter"`
	}{command, f})
	if err != nil {
		panic(err) // our own struct
	}
	return text
}

// tableRow prints records for people, a line each.
func tableRow(w io.Writer) func(*accesslog.Record, []byte) error {
	const format = "%-6s  %-19s  %-9s  %-8s  %-10s  %-15s  %7s  %-36s  %s\n"
	names := make(map[uint32]string)
	header := false
	return func(r *accesslog.Record, _ []byte) error {
		if !header {
			header = true
			if _, err := fmt.Fprintf(w, format, "SEQ", "TIME", "OPERATION", "OUTCOME", "USER", "PROGRAM", "PID", "SESSION", "WHAT"); err != nil {
				return err
			}
		}
		who, program, pid := "-", "-", "-"
		if c := r.Caller; c != nil {
			who, program = userName(names, c.UID), orDash(plain(c.Command))
			if pid = strconv.FormatUint(uint64(c.PID), 10); c.PID == 0 {
				pid = "?"
			}
			if c.Knows("loginuid") && c.LoginUID != c.UID && c.LoginUID != noLogin {
				who += " (" + userName(names, c.LoginUID) + ")"
			}
		}
		outcome := string(r.Outcome)
		if r.Errno != "" {
			outcome = r.Errno
		}
		_, err := fmt.Fprintf(w, format, strconv.FormatUint(r.Sequence, 10), r.Time.Local().Format(time.DateTime), plain(string(r.Operation)), plain(outcome),
			who, program, pid, orDash(plain(r.Session)), plain(recordText(r)))
		return err
	}
}

// noLogin is the login uid of a process that no login began.
const noLogin = 1<<32 - 1

// recordText says what a record is about.
func recordText(r *accesslog.Record) string {
	var words []string
	add := func(text string) {
		if text != "" {
			words = append(words, text)
		}
	}
	add(r.Context)
	add(r.Document)
	add(r.Media)
	if r.From != "" {
		add("from " + string(r.From))
	}
	switch r.Operation {
	case accesslog.OpMount, accesslog.OpUnmount, accesslog.OpUnclean, accesslog.OpHeartbeat:
		add(r.Mountpoint)
	case accesslog.OpOpen:
	default:
		add(string(r.Detail))
	}
	add(r.Error)
	return strings.Join(words, " ")
}

func userName(names map[uint32]string, uid uint32) string {
	name, ok := names[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		if u, err := user.LookupId(name); err == nil {
			name = plain(u.Username)
		}
		names[uid] = name
	}
	return name
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
