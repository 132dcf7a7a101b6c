package evidence

import (
	"bytes"
	"slices"

	"github.com/hiddeco/sshsig"
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

// signatureFile checks that the file of a good signature has nothing else in our own
// bags: no manifest lists it, and what is before or after a signature counts for nothing.
func (v *verification) signatureFile(armored []byte) {
	if len(v.info[signerLabel]) == 0 {
		return // others may write it in another way
	}
	signature, err := sshsig.Unarmor(armored)
	if err != nil || !bytes.Equal(sshsig.Armor(signature), armored) {
		v.report.wrong(Changed, signatureName, "the signature is good, but the file is not what veriffs writes")
	}
}
