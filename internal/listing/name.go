package listing

import (
	"fmt"
	"strings"

	"veriffs/veriff"
)

// The directories of a mount that hold one for each session or attempt.
const (
	SessionsTree = "sessions"
	AttemptsTree = "attempts"
	ContextsTree = "by-context"
	MetadataTree = "metadata"
)

// Name is how a person names a session, an attempt or a file: by its id, or by
// where a mount shows it.
type Name struct {
	Tree string // "" for an id alone, of which nothing tells whose it is
	ID   string // in its canonical form
	File string // in the directory ID of the tree; "" for the directory
}

// ParseName reads an id, or a path that starts in a mount point. The error is
// veriff.ErrNotUUID, wrapped, if an id is missing.
func ParseName(text string) (n Name, err error) {
	parts := strings.Split(text, "/")
	path := len(parts) > 1
	if path {
		n.Tree, parts = parts[0], parts[1:]
	}
	id, err := veriff.ParseSessionID(parts[0])
	if err != nil {
		return n, fmt.Errorf("an id is expected, or the path of a session, an attempt or a file: %w", err)
	}
	n.ID, n.File = id.String(), strings.Join(parts[1:], "/")
	possible := n.File == ""
	switch n.Tree {
	case "":
		possible = !path
	case SessionsTree, AttemptsTree:
		possible = possible || PossibleName(n.File)
	case ContextsTree:
		possible = possible || PossibleNameByContext(n.File)
	case MetadataTree:
		if _, ok := ParseDocumentName(n.File); ok {
			return n, fmt.Errorf("%s belongs to its session, name that: %s/%s", text, n.Tree, n.ID)
		}
	default:
		possible = false
	}
	if !possible || strings.Contains(n.File, "/") {
		return n, fmt.Errorf("%s is no session, no attempt and no file", text)
	}
	return n, nil
}

func (n Name) String() string {
	text := n.ID
	if n.Tree != "" {
		text = n.Tree + "/" + text
	}
	if n.File != "" {
		text += "/" + n.File
	}
	return text
}

// Session is the session that the name is about, if it is about one.
func (n Name) Session() veriff.SessionID {
	id, _ := veriff.ParseSessionID(n.ID) // it was parsed before
	return id
}

// Attempt is the attempt that the name is about, if it is about one.
func (n Name) Attempt() veriff.AttemptID { return veriff.AttemptID(n.Session()) }
