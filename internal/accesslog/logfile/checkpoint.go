package logfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint bounds the text of a checkpoint, in bytes.
const maxCheckpoint = 64 << 10

// Checkpoint is the signed state of a log: how many records it has, and the root of
// its tree. As text it is a signed note in the form of C2SP's tlog-checkpoint.
type Checkpoint struct {
	Origin string // which log
	Size   int64  // in records
	Root   tlog.Hash
}

// text returns the part of a checkpoint that is signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(s note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.text()}, s)
}

// ErrSignature is a checkpoint that the key did not sign.
var ErrSignature = errors.New("is not signed by this key")

// ParseCheckpoint checks the signature of a checkpoint by a verifier key, as
// installation.VerifierKey returns it. Signatures of others are ignored.
func ParseCheckpoint(text []byte, verifierKey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the verifier key is not of the form NAME+HASH+KEY: %w", err)
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	var (
		unknown *note.UnverifiedNoteError
		invalid *note.InvalidSignatureError
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &invalid):
		return Checkpoint{}, ErrSignature
	case err != nil:
		return Checkpoint{}, errors.New("is not a checkpoint")
	}
	c, err := ParseCheckpointText(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("is of the log %s, not of %s", c.Origin, verifier.Name())
	}
	return c, nil
}

// ParseCheckpointText reads what a checkpoint says, signed or not.
func ParseCheckpointText(text string) (Checkpoint, error) {
	malformed := errors.New("is not a checkpoint")
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, malformed
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] || rootErr != nil || len(root) != HashSize {
		return Checkpoint{}, malformed
	}
	return Checkpoint{lines[0], size, tlog.Hash(root)}, nil
}

// OriginOf returns which log a checkpoint says that it is of, unchecked.
func OriginOf(text []byte) (string, error) {
	c, err := ParseCheckpointText(string(text))
	return c.Origin, err
}

// Canonical reports whether a checkpoint beside the log is byte for byte what was
// written: base64 has bits that say nothing.
func (c Checkpoint) Canonical(text []byte) bool {
	signed, rest, ok := strings.Cut(string(text), "\n\n")
	fields := strings.Split(strings.TrimSuffix(rest, "\n"), " ")
	if !ok || signed+"\n" != c.text() || len(fields) != 3 || fields[0] != "—" || fields[1] != c.Origin {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	return err == nil && bytes.HasSuffix(text, []byte("\n"))
}
