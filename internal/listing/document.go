package listing

import (
	"time"

	"veriffs/veriff"
)

// DocumentKind is one of the JSON documents about a session, in the order of their
// names. All but HoldDocument are the API's.
type DocumentKind int

// The kinds; DocumentKinds is how many there are.
const (
	AttemptsDocument DocumentKind = iota
	DecisionDocument
	HoldDocument // of a session that is held: made here, and in no cache
	MediaDocument
	PersonDocument
	WatchlistDocument
	DocumentKinds
)

// documentNames are what the kinds are called, within metadata/<sessionId>/ and in
// the keys of the cache.
var documentNames = [DocumentKinds]string{
	AttemptsDocument:  "attempts",
	DecisionDocument:  "decision",
	HoldDocument:      "hold",
	MediaDocument:     "media",
	PersonDocument:    "person",
	WatchlistDocument: "watchlist-screening",
}

func (k DocumentKind) String() string { return documentNames[k] }

const documentExtension = ".json"

// Name is the document's name: <kind>.json.
func (k DocumentKind) Name() string { return k.String() + documentExtension }

// ParseDocumentName returns the kind of document that has this name.
func ParseDocumentName(name string) (DocumentKind, bool) {
	for kind := range DocumentKinds {
		if kind.Name() == name {
			return kind, true
		}
	}
	return 0, false
}

// InListing reports whether the document comes with a session's listing.
func (k DocumentKind) InListing() bool { return k == MediaDocument || k == AttemptsDocument }

// DocumentID names one document.
type DocumentID struct {
	Session veriff.SessionID
	Kind    DocumentKind
}

func (d DocumentID) String() string { return d.Session.String() + "/" + d.Kind.String() }

// Document is what is known of a document without its body.
type Document struct {
	Size   int64 // bytes
	SHA256 [32]byte
	// Received is when the API first answered just this, as far as the
	// cache remembers.
	Received time.Time
}
