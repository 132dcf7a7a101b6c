package evidence

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"veriffs/internal/evidence/sheet"
	"veriffs/internal/evidence/stamp"
)

// Wrong is a kind of problem.
type Wrong string

// The kinds.
const (
	Changed Wrong = "changed"
	Added   Wrong = "added"
	Absent  Wrong = "missing"
	Refused Wrong = "refused" // it is dangerous or no part of a bag, and was not read
	Invalid Wrong = "invalid" // it is not what it should be
)

// Problem is something that is wrong with a bag.
type Problem struct {
	Wrong Wrong  `json:"wrong"`
	Path  string `json:"path"`
	Why   string `json:"why,omitempty"`
}

func (p Problem) String() string {
	if p.Why == "" {
		return fmt.Sprintf("%s: %s", p.Wrong, p.Path)
	}
	return fmt.Sprintf("%s: %s (%s)", p.Wrong, p.Path, p.Why)
}

// VerifyOptions is what a bag is compared with.
type VerifyOptions struct {
	Identities []age.Identity // that open an encrypted bag
	// Signer is the key, as a line of authorized_keys, that must have signed; "": any.
	Signer string
	// Roots are the certificates that vouch for time stamp authorities; nil: none is
	// asked for.
	Roots *x509.CertPool
	// Secrets are the integration's shared secrets, with which Veriff's signatures are
	// checked; none: they are not.
	Secrets []string
	// AccessLog checks the part of the access log that a bag has, by file name, and
	// returns what it found in a sentence; nil: it is not checked.
	AccessLog func(files map[string][]byte) (string, error)
}

// Report is what was found out about a bag.
type Report struct {
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	Problems []Problem `json:"problems"`
	// Lacks is what the exporter says could not be had.
	Lacks      []string  `json:"lacks,omitempty"`
	Signer     string    `json:"signer,omitempty"` // fingerprint of the key that signed
	Stamped    time.Time `json:"stamped,omitzero"`
	Checked    []string  `json:"checked"`
	NotChecked []string  `json:"not_checked"`
}

// Good reports whether nothing is wrong with the bag, and it lacks nothing.
func (r *Report) Good() bool { return len(r.Problems) == 0 && len(r.Lacks) == 0 }

func (r *Report) wrong(w Wrong, path, why string) {
	r.Problems = append(r.Problems, Problem{w, sheet.Printable(path), sheet.Printable(why)})
}

func (r *Report) checked(format string, values ...any) {
	r.Checked = append(r.Checked, fmt.Sprintf(format, values...))
}

func (r *Report) notChecked(text string) { r.NotChecked = append(r.NotChecked, text) }

// maxTagFile bounds a file of the bag's own that is read whole, in bytes: a
// manifest of a million files.
const maxTagFile = 256 << 20

// Verify checks a bag. An error means that it could not be read; what is wrong with
// it is in the report.
func Verify(ctx context.Context, name string, o VerifyOptions) (*Report, error) {
	c, err := openBag(name, o.Identities)
	if err != nil {
		return nil, err
	}
	defer c.close()
	v := &verification{
		VerifyOptions: o, contents: c, report: &Report{Problems: c.refused, Checked: []string{}, NotChecked: []string{}},
		tally: tally{by: make(map[string]int), others: make(map[string]int)},
	}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	if v.report.Problems == nil {
		v.report.Problems = []Problem{}
	}
	return v.report, nil
}

// verification is a Verify at work.
type verification struct {
	VerifyOptions
	*contents
	report *Report
	sums   map[string]sums     // of each file that could be read
	macs   map[string][][]byte // of its payload, by each of the secrets
	tally  tally

	info    map[string][]string // bag-info.txt
	lacking bool                // it says that the bag is not complete
}

func (v *verification) run(ctx context.Context) error {
	if err := v.hash(ctx); err != nil {
		return err
	}
	v.declaration()
	v.manifests(manifestPrefix, func(p string) bool { return strings.HasPrefix(p, payload+"/") })
	v.manifests(tagPrefix, func(p string) bool {
		return !strings.HasPrefix(p, payload+"/") && !isTagManifest(p) && p != signatureName && p != stampName
	})
	v.oxum()
	v.tagManifests()
	v.signature()
	v.records()
	if v.lacking && len(v.report.Lacks) == 0 {
		v.report.Lacks = append(v.report.Lacks, bagInfoName+" says that the bag is not complete")
	}
	v.accessLog()
	v.signatures()
	return nil
}

// hash reads every file through.
func (v *verification) hash(ctx context.Context) error {
	v.sums, v.macs = make(map[string]sums), make(map[string][][]byte)
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h := newHasher(v.Secrets...)
		r, err := v.files[name].open()
		if err == nil {
			_, err = io.Copy(h, r)
			r.Close()
		}
		if err != nil {
			v.report.wrong(Changed, name, "it can't be read: "+err.Error())
			continue
		}
		v.sums[name] = h.sums()
		if strings.HasPrefix(name, payload+"/") {
			v.macs[name] = h.signatures()
			v.report.Files++
			v.report.Bytes += h.size
		}
	}
	return nil
}

func (v *verification) declaration() {
	text, err := v.read(bagitName, 1<<10)
	if err != nil || !bytes.HasPrefix(text, []byte("BagIt-Version: ")) || !bytes.Contains(text, []byte("Tag-File-Character-Encoding: UTF-8")) {
		v.report.wrong(Invalid, bagitName, "it does not declare a BagIt bag in UTF-8")
	}
	if _, ok := v.files[fetchName]; ok {
		v.report.wrong(Refused, fetchName, "it names files elsewhere, which are not fetched")
	}
}

// manifests compares the files that belong to a kind of manifest with every
// manifest of that kind.
func (v *verification) manifests(prefix string, belongs func(string) bool) {
	used := 0
	said := make(map[Problem]bool) // by one of the manifests
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		algorithm, ok := algorithmOf(name, prefix)
		if !ok || strings.Contains(name, "/") {
			continue
		}
		if !slices.Contains(algorithms, algorithm) {
			v.report.notChecked(name + ": its algorithm is not known here")
			continue
		}
		text, err := v.read(name, maxTagFile)
		var listed map[string]string
		if err == nil {
			listed, err = parseManifest(bytes.NewReader(text), algorithm)
		}
		if err != nil {
			v.report.wrong(Invalid, name, err.Error())
			continue
		}
		used++
		v.compare(listed, algorithm, belongs, said)
	}
	if used == 0 {
		v.report.wrong(Absent, prefix+algorithms[len(algorithms)-1]+manifestSuffix, "without it nothing is known of the files")
		return
	}
	for _, p := range slices.SortedFunc(maps.Keys(said), func(a, b Problem) int { return strings.Compare(a.Path, b.Path) }) {
		v.report.wrong(p.Wrong, p.Path, p.Why)
	}
}

// compare compares the files with one manifest.
func (v *verification) compare(listed map[string]string, algorithm string, belongs func(string) bool, said map[Problem]bool) {
	for name, sum := range listed {
		switch got, ok := v.sums[name]; {
		case !belongs(name):
			said[Problem{Wrong: Invalid, Path: name, Why: "it is in the wrong kind of manifest"}] = true
		case ok && got[algorithm] != sum:
			said[Problem{Wrong: Changed, Path: name}] = true
		case !ok && !slices.ContainsFunc(v.report.Problems, func(p Problem) bool { return p.Path == name }):
			said[Problem{Wrong: Absent, Path: name}] = true
		}
	}
	for name := range v.sums {
		if _, ok := listed[name]; !ok && belongs(name) {
			said[Problem{Wrong: Added, Path: name, Why: "no manifest lists it, or not each"}] = true
		}
	}
}

// oxum compares the payload's size and number of files with what bag-info.txt says.
func (v *verification) oxum() {
	text, err := v.read(bagInfoName, maxTagFile)
	if errors.Is(err, fs.ErrNotExist) {
		return // it need not be there, and who removed it is found by the tag manifest
	}
	info, err := parseBagInfo(bytes.NewReader(text))
	if err != nil {
		v.report.wrong(Invalid, bagInfoName, "it is malformed")
		return
	}
	if is := fmt.Sprintf("%d.%d", v.report.Bytes, v.report.Files); len(v.report.Problems) == 0 && len(info[oxumLabel]) == 1 && info[oxumLabel][0] != is {
		v.report.wrong(Changed, payload+"/", fmt.Sprintf("its size and number of files are %s, not %s", is, info[oxumLabel][0]))
	}
	v.info = info
	v.lacking = slices.Contains(info[completeLabel], "no")
}

// signature checks who signed the tag manifest, and the time stamp.
func (v *verification) signature() {
	message, err := v.read(signedName, maxTagFile)
	if err != nil {
		v.report.wrong(Absent, signedName, "without it nothing can be signed")
		return
	}
	armored, err := v.read(signatureName, stamp.MaxReply)
	if err != nil {
		v.report.wrong(Absent, signatureName, "the bag is not signed")
		return
	}
	key, err := checkSignature(message, armored, v.Signer)
	if err != nil {
		v.report.wrong(Invalid, signatureName, err.Error())
	} else {
		v.report.Signer = ssh.FingerprintSHA256(key)
		v.report.checked("the signature, by the key %s", v.report.Signer)
		if named := v.info[signerLabel]; len(named) > 0 && !slices.Equal(named, []string{v.report.Signer}) {
			v.report.wrong(Invalid, signatureName, fmt.Sprintf("%s says that %s signs", bagInfoName, strings.Join(named, ", ")))
		}
		v.signatureFile(armored)
		if v.Signer == "" {
			v.report.notChecked("whose key that is: ask the exporter for its fingerprint, or name the key with --signer")
		}
	}
	v.stamp(armored)
}

func (v *verification) stamp(armored []byte) {
	reply, err := v.read(stampName, stamp.MaxReply)
	if errors.Is(err, fs.ErrNotExist) {
		if slices.Contains(v.info[stampLabel], "yes") {
			v.report.wrong(Absent, stampName, bagInfoName+" says that it has a time stamp")
			return
		}
		v.report.notChecked("when it was made: there is no time stamp, only the exporter's clock")
		return
	}
	granted, err := stamp.Parse(reply, armored)
	if err == nil && v.Roots != nil {
		err = stamp.CheckAuthority(granted, v.Roots)
	}
	if err != nil {
		v.report.wrong(Invalid, stampName, err.Error())
		return
	}
	v.report.Stamped = granted.Time.UTC()
	v.report.checked("the time stamp, of %s", v.report.Stamped.Format(time.RFC3339))
	if v.Roots == nil {
		v.report.notChecked("who made the time stamp: name the authority's root certificate with --tsa-roots")
	}
}

// accessLog has the part of the access log checked.
func (v *verification) accessLog() {
	prefix := path.Join(payload, logFolder) + "/"
	files := make(map[string][]byte)
	for name := range v.files {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			text, err := v.read(name, maxTagFile)
			if err != nil {
				v.report.wrong(Invalid, name, err.Error())
				return
			}
			files[rest] = text
		}
	}
	switch {
	case len(files) == 0:
		v.report.notChecked("who opened these files: the bag has no entries of an access log")
	case v.AccessLog == nil:
		v.report.notChecked("the proofs of the access log's entries")
	default:
		found, err := v.AccessLog(files)
		if err != nil {
			v.report.wrong(Invalid, strings.TrimSuffix(prefix, "/"), err.Error())
			return
		}
		v.report.checked("%s", found)
	}
}
