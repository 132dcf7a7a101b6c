package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logfile"
)

// How a verification fails.
var (
	errTampered   = errors.New("the access log is NOT what was written")
	errForeignKey = errors.New("the access log is not signed by this key")
)

func logVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "find out whether the access log, or a proof of records, was changed",
		ArgsUsage: "[LOG|PROOF]",
		Description: "Says which records were edited, removed, inserted, duplicated, moved or cut off, and whether the log goes\n" +
			"on from every checkpoint that is known: the one beside it, the one that this installation remembers, and those\n" +
			"given with --checkpoint, as anchors keep them. Exit code 11 says that something is wrong.",
		Flags: whichLogFlags(
			&cli.StringSliceFlag{Name: "checkpoint", TakesFile: true, Usage: "compare with the checkpoints in `FILE`: one, or what an anchor or the system log has, or a bucket as --access-log-anchor names it; may be repeated"},
			&cli.StringFlag{Name: "key", Usage: "verify with `KEY`, as veriffs log key prints it, rather than this installation's"},
			jsonFlag("print the report as JSON"),
		),
		Action: logVerify,
	}
}

func logVerify(c *cli.Context) error {
	if c.NArg() > 1 {
		return usageError("only one LOG or PROOF is allowed")
	}
	if c.NArg() == 1 {
		if err := c.Set(flagAccessLog, c.Args().First()); err != nil {
			return err
		}
	}
	for _, place := range c.StringSlice("checkpoint") {
		if strings.Contains(place, "://") && hasUser(place) {
			return usageError("--checkpoint must be a file or s3://BUCKET/PREFIX, %s", not(place))
		}
	}
	path, keyFile, err := namedLog(c)
	if err != nil {
		return err
	}
	proof, err := readProof(path)
	if err != nil {
		return err
	}
	if proof != nil {
		return verifyProof(c, path, keyFile, proof)
	}
	o := audit.Options{Path: path, Key: c.String("key"), Checkpoints: c.StringSlice("checkpoint"), Fetch: checkpointsOf(c.Context)}
	// With --key the installation's is only needed for what it remembers.
	if o.Installation, err = loadKey(keyFile); err != nil && o.Key == "" {
		return err
	}
	report, err := audit.Verify(o)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = printJSON(c, report)
	} else {
		err = writeLogReport(c.App.Writer, report)
	}
	switch {
	case err != nil || report.OK():
		return err
	case report.Foreign:
		return &hinted{err: errForeignKey, code: exitTampered, hint: "name the key with which the log was begun (--installation-key, --key); if this is the one, the log is another"}
	}
	return &hinted{err: errTampered, code: exitTampered, hint: "keep all its files as they are, and compare them with a backup"}
}

// writeLogReport shows a report to a person.
func writeLogReport(out io.Writer, r *audit.Report) error {
	var w bytes.Buffer
	fmt.Fprintf(&w, "%s\n", plain(r.Path))
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&w, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("log", "%s", plain(r.Origin))
	if !r.Foreign { // nothing was counted
		row("records", "%s, %s of them signed", humanize.Comma(r.Records), humanize.Comma(min(r.Signed, r.Records)))
	}
	if r.Erased+r.Retired > 0 {
		row("gone", "%s erased on request, %s past their time, as signed records say", humanize.Comma(r.Erased), humanize.Comma(r.Retired))
	}
	for _, c := range r.Compared {
		row("consistent", "with %s (%s records)", plain(c.Source), humanize.Comma(c.Size))
	}
	for _, f := range r.Findings {
		row("WRONG", "%s", plain(f.String()))
	}
	for _, s := range r.Silences {
		row("WARNING", "%s", plain(s.String()))
	}
	for _, n := range r.Notes {
		row("note", "%s", plain(n))
	}
	if r.OK() {
		fmt.Fprintln(&w, "verified: nothing is wrong with what was compared")
	}
	_, err := w.WriteTo(out)
	return err
}

// maxProof bounds the file of a proof, in bytes.
const maxProof = 1 << 30

// readProof returns the proof in a file, or nil if the path is that of a log.
func readProof(path string) (*audit.Proof, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begin := make([]byte, 200)
	n, err := f.Read(begin)
	begin = bytes.TrimLeft(begin[:n], " \t\r\n")
	log := logfile.Files{Base: path}
	if err != nil || !bytes.HasPrefix(begin, []byte("{")) || bytes.HasPrefix(begin, []byte(`{"seq":`)) || exists(log.Checkpoint()) || exists(log.Tree()) {
		return nil, nil
	}
	if info.Size() > maxProof {
		return nil, usageError("%s is too large for a proof", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := audit.ParseProof(text)
	if err != nil {
		return nil, usageError("%s: %w", path, err)
	}
	return p, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// verifyProof checks a proof, which needs nothing else but a key.
func verifyProof(c *cli.Context, path, keyFile string, p *audit.Proof) error {
	if len(c.StringSlice("checkpoint")) > 0 {
		return usageError("--checkpoint is for a log: a proof has its own")
	}
	key, note := c.String("key"), ""
	if key == "" {
		key, note = p.Key, "the key is the one in the proof: compare it with the one that its maker gives (veriffs log key), or give that with --key"
		if own, err := loadKey(keyFile); err == nil && own != nil {
			if checkpoint, err := p.Verify(p.Key); err == nil && own.VerifierKey(checkpoint.Origin) == p.Key {
				note = ""
			}
		}
	}
	checkpoint, err := p.Verify(key)
	if err != nil {
		return &hinted{err: fmt.Errorf("%s: %w", path, err), code: exitTampered, hint: "ask its maker for it again, and for the key (veriffs log key)"}
	}
	if c.Bool("json") {
		return printJSON(c, map[string]any{"origin": checkpoint.Origin, "log_records": checkpoint.Size, "records": len(p.Entries), "key": key, "key_from_proof": note != ""})
	}
	w := c.App.Writer
	fmt.Fprintf(w, "%s\n  %-10s %s\n  %-10s %s of %s\n  %-10s %s\n", plain(path), "log", plain(checkpoint.Origin),
		"records", humanize.Comma(int64(len(p.Entries))), humanize.Comma(checkpoint.Size), "key", plain(key))
	if note != "" {
		fmt.Fprintf(w, "  %-10s %s\n", "note", note)
	}
	fmt.Fprintf(w, "  %-10s %s\n", "note", "a proof shows that these records are in the log, not that there are no others")
	verdict := "verified: each record is in the log that was signed"
	if len(p.Entries) == 0 {
		verdict = "verified: signed by the key, and there is no record in it"
	}
	_, err = fmt.Fprintln(w, verdict)
	return err
}
