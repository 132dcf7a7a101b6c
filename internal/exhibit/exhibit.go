// Package exhibit is what of a session can be handed out: its files and the
// documents that the API has about it, each with its origin.
//
// Promises: an [Inventory] names everything that the selection asks for, and says
// of the rest why it is not there. What [Source] opens was verified, or its
// [Origin] says that it was not. Names come from package listing and are safe for
// every file system.
//
// Not promised: that what is listed can still be had when it is opened.
//
// A [Source] may be used by several goroutines. The package holds no lock.
package exhibit

import (
	"context"
	"io"
	"time"

	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Kind is what an item is.
type Kind string

// The kinds.
const (
	Media    Kind = "media"    // a picture, a video, chip data
	Document Kind = "document" // the body of an answer of the API
	Hold     Kind = "hold"     // why the session is held, and what the API no longer has
)

// Item names one thing that can be handed out.
type Item struct {
	Kind    Kind   `json:"kind"`
	Session string `json:"session"`
	Attempt string `json:"attempt,omitempty"` // "" for what belongs to the session, and if it is not known
	Media   string `json:"media,omitempty"`
	Context string `json:"context,omitempty"`
	// Name is its name by context, or that of the document.
	Name string `json:"name"`
	// MIMEType is what the API says; nothing may rely on it.
	MIMEType string `json:"mimetype,omitempty"`
	// Listed is the size in bytes that is known before the item is opened, or -1.
	Listed int64 `json:"listed"`
	// OfAttempt says that the attempt was listed, and not the session.
	OfAttempt bool `json:"of_attempt,omitempty"`
}

// Origin is where the bytes of an item came from.
type Origin struct {
	Size      int64     `json:"size"` // bytes
	SHA256    string    `json:"sha256"`
	Signature string    `json:"signature,omitempty"` // the header X-HMAC-SIGNATURE, as received
	Client    string    `json:"client,omitempty"`    // the header X-AUTH-CLIENT, the API key, as received
	SecretID  string    `json:"secret_id,omitempty"` // the secret that verified it; "" if none did, or if that is not known
	Verified  bool      `json:"verified"`            // by one of the secrets
	Received  time.Time `json:"received"`
	Fetched   bool      `json:"fetched,omitempty"` // from the API just now
	Shared    bool      `json:"shared,omitempty"`  // from the team's store just now

	// What was opened, as the listing or the answer says that it was found in.
	Session string `json:"session,omitempty"` // "" if the API does not say whose attempt it is
	Attempt string `json:"attempt,omitempty"`
	Context string `json:"context,omitempty"`
}

// Selection says which items are wanted.
type Selection struct {
	AllAttempts bool `json:"all_attempts,omitempty"` // and not the newest alone
	listing.Selection
}

// Inventory is what there is of a session.
type Inventory struct {
	Session  string   `json:"session"`
	Attempts []string `json:"attempts,omitempty"` // whose files are among the items, the newest first
	Items    []Item   `json:"items"`              // in the order in which they are best opened
	LeftOut  []Item   `json:"left_out,omitempty"` // files that the selection does not want
	// Absent names what the API, asked for it, says that it does not have.
	Absent []string `json:"absent,omitempty"`
	// Missing is what may be there and can't be had now.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is something that can't be had, and why.
type Missing struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Source hands things out. There are two: [Of] a library, and the control client
// of a running mount.
type Source interface {
	// Exhibits lists what there is of a session. An error means that not even that
	// is known.
	Exhibits(context.Context, veriff.SessionID, Selection) (Inventory, error)
	// OpenExhibit opens an item. Whoever reads it compares size and hash with the
	// origin: only then is it whole.
	OpenExhibit(context.Context, Item) (io.ReadCloser, Origin, error)
}
