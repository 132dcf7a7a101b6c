package evidence

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"veriffs/internal/evidence/sheet"

	"github.com/dustin/go-humanize/english"
)

// maxSignature bounds a file with the headers of an answer, in bytes.
const maxSignature = 1 << 10

// records compares each session's record with the files that are there.
func (v *verification) records() {
	known := make(map[string]bool)
	n, whole := 0, true
	for name := range v.files {
		if !isRecord(name) {
			continue
		}
		text, err := v.read(name, maxTagFile)
		var r Record
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		switch {
		case err != nil:
			n++
			known[name], whole = true, false
			v.report.wrong(Invalid, name, err.Error())
			continue
		case r.Format != recordFormat:
			whole = false
			v.report.notChecked(name + ": it is of another format")
			continue
		}
		n++
		known[name] = true
		v.record(name, &r, known)
	}
	if n == 0 {
		v.report.notChecked("what the files are: the bag has no record.json")
		return
	}
	for name := range v.files {
		if whole && strings.HasPrefix(name, payload+"/") && !known[name] && !strings.HasPrefix(name, path.Join(payload, logFolder)+"/") {
			v.report.wrong(Added, name, "no record.json knows it")
		}
	}
	v.report.checked("%s against the manifests, and what record.json says of each", english.Plural(v.report.Files, "file", ""))
}

// record compares one session's record.
func (v *verification) record(name string, r *Record, known map[string]bool) {
	for _, f := range r.Files {
		known[f.Path], known[f.SignaturePath] = true, true
		v.signed(name, &f)
		if text, err := v.read(f.SignaturePath, maxSignature); err == nil && !bytes.Equal(text, signatureText(f.Origin)) {
			v.report.wrong(Changed, f.SignaturePath, "it is not what "+name+" says")
		}
		switch got, ok := v.sums[f.Path]; {
		case !ok:
			v.report.wrong(Absent, f.Path, name+" knows it")
		case got["sha256"] != f.SHA256:
			v.report.wrong(Changed, f.Path, "it is not what "+name+" says")
		}
	}
	for _, m := range r.Missing {
		v.report.Lacks = append(v.report.Lacks, sheet.Printable(r.Session+": "+m.Name+": "+m.Reason))
	}
	if !r.Complete && len(r.Missing) == 0 {
		v.report.Lacks = append(v.report.Lacks, sheet.Printable(r.Session)+": its record says that it is not complete")
	}
}

// isRecord reports whether a path is that of a session's record.
func isRecord(p string) bool {
	return strings.HasPrefix(p, payload+"/") && path.Base(p) == recordName && strings.Count(p, "/") == 2
}
