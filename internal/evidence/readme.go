package evidence

import (
	"bytes"
	_ "embed"
	"text/template"
	"time"
)

//go:embed README-evidence.txt
var readmeText string

var readmeTemplate = template.Must(template.New("readme").Parse(readmeText))

// readme is the checklist for whoever receives the bag.
func (e *export) readme() ([]byte, error) {
	var b bytes.Buffer
	err := readmeTemplate.Execute(&b, struct {
		Sessions                                []string
		Exported, Tool, Fingerprint, Allowed    string
		Namespace, Identity, Signed, Sig, Stamp string
		Missing, Unlisted                       int
		Log                                     bool
	}{
		Sessions: e.plan.sessions(), Exported: e.Time.Format(time.RFC3339), Tool: e.Tool,
		Fingerprint: e.fingerprint(), Allowed: AllowedSigner(e.Signer.Public()),
		Namespace: Namespace, Identity: Identity, Signed: signedName, Sig: signatureName, Stamp: e.stampName(),
		Missing: len(e.sum.Missing), Unlisted: e.unlisted(), Log: e.AccessLog != nil,
	})
	return b.Bytes(), err
}

// unlisted is how many files no manifest lists: the tag manifests, the signature and
// the time stamp.
func (e *export) unlisted() int {
	if e.Stamp == nil {
		return len(algorithms) + 1
	}
	return len(algorithms) + 2
}

func (e *export) stampName() string {
	if e.Stamp == nil {
		return ""
	}
	return stampName
}
