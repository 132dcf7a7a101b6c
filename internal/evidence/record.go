package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"veriffs/internal/exhibit"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// recordFormat names the form of record.json.
const recordFormat = "veriffs-evidence/1"

// Record is the machine-readable record of a session: record.json.
type Record struct {
	Format    string            `json:"format"`
	Session   string            `json:"session"`
	Exported  time.Time         `json:"exported"`
	Tool      string            `json:"tool"`
	Selection exhibit.Selection `json:"selection"`
	Attempts  []string          `json:"attempts"` // whose files are here
	// Complete says that nothing is missing of what the selection asks for.
	Complete bool              `json:"complete"`
	Files    []FileRecord      `json:"files"`
	LeftOut  []exhibit.Item    `json:"left_out"` // by the selection
	Absent   []string          `json:"absent"`   // the API says that it does not have these
	Missing  []exhibit.Missing `json:"missing"`  // could not be had
}

// FileRecord is what is known of a file of the bag.
type FileRecord struct {
	Path string `json:"path"` // from the bag's top
	// SignaturePath is the file with the signature header, of an API body.
	SignaturePath string       `json:"signature_path,omitempty"`
	Kind          exhibit.Kind `json:"kind"`
	Attempt       string       `json:"attempt,omitempty"`
	Media         string       `json:"media,omitempty"`
	Context       string       `json:"context,omitempty"`
	MIMEType      string       `json:"mimetype,omitempty"` // as the API says
	exhibit.Origin
}

// fileRecord says what is known of an item. Where it came from just now says nothing about the item, and would differ from run to run.
func fileRecord(path string, i exhibit.Item, o exhibit.Origin) FileRecord {
	o.Fetched, o.Shared = false, false
	r := FileRecord{Path: path, Kind: i.Kind, Attempt: i.Attempt, Media: i.Media, Context: i.Context, MIMEType: i.MIMEType, Origin: o}
	if i.Kind == exhibit.Document {
		r.SignaturePath = path + signatureSuffix
	}
	return r
}

// payload is the directory of a bag's payload.
const payload = "data"

// Names within a session's folder.
const (
	latestFolder    = "latest"
	apiFolder       = "api"
	recordName      = "record.json"
	signatureSuffix = ".signature.txt"
)

// pathOf is where an item is put. What is no id and no name that package listing
// gives is refused: a path is made of nothing else.
func pathOf(i exhibit.Item, all bool) (string, error) {
	if _, err := veriff.ParseSessionID(i.Session); err != nil {
		return "", fmt.Errorf("evidence: session %q: %w", i.Session, err)
	}
	attempt := ""
	if all && i.OfAttempt {
		if _, err := veriff.ParseAttemptID(i.Attempt); err != nil {
			return "", fmt.Errorf("evidence: attempt %q: %w", i.Attempt, err)
		}
		attempt = i.Attempt
	}
	switch i.Kind {
	case exhibit.Media:
		if !listing.PossibleNameByContext(i.Name) {
			return "", fmt.Errorf("evidence: %q is no name of a file", i.Name)
		}
		if attempt == "" {
			attempt = latestFolder
		}
		return path.Join(payload, i.Session, attempt, i.Name), nil
	case exhibit.Hold:
		return path.Join(payload, i.Session, listing.HoldDocument.Name()), nil
	case exhibit.Document:
		if _, ok := listing.ParseDocumentName(i.Name); !ok {
			return "", fmt.Errorf("evidence: %q is no name of a document", i.Name)
		}
		return path.Join(payload, i.Session, apiFolder, attempt, i.Name), nil
	}
	return "", fmt.Errorf("evidence: an item of kind %q", i.Kind)
}

// toJSON is JSON for files: indented, with nothing escaped for HTML.
func toJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
