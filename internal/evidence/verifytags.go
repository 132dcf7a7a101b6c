package evidence

import (
	"bytes"
	"slices"
)

// tagManifests checks the tag manifests of our own bags that are not signed: each
// is there, and has the bytes that follow from what is signed.
func (v *verification) tagManifests() {
	if len(v.info[signerLabel]) == 0 {
		return // others need not write both
	}
	text, err := v.read(signedName, maxTagFile)
	if err != nil {
		return // signature says so
	}
	listed, err := parseManifest(bytes.NewReader(text), signedAlgorithm)
	if err != nil {
		return // and so does manifests
	}
	tags := make(manifest)
	for path := range listed {
		tags[path] = v.sums[path]
	}
	for _, a := range algorithms {
		name := tagPrefix + a + manifestSuffix
		if _, ok := v.files[name]; !ok {
			v.report.wrong(Absent, name, "veriffs writes one")
			continue
		}
		known := slices.ContainsFunc(v.report.Problems, func(p Problem) bool { return p.Path == name || tags[p.Path] != nil || p.Wrong == Absent })
		if text, err := v.read(name, maxTagFile); !known && (err != nil || !bytes.Equal(text, tags.text(a))) {
			v.report.wrong(Changed, name, "it is not what veriffs writes of these files")
		}
	}
}
