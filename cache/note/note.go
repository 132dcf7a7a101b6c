// Package note seals small texts that machines leave for each other in a store which
// they share. docs/cache-format.md specifies it, with a test vector.
//
// Promises. Whoever has the store learns how many notes there are and when each was put:
// names are keyed hashes, texts are sealed, and all notes have the same size. [Sealer.Open]
// returns what a holder of a secret sealed under this name, or [seal.ErrSeal].
//
// Not promised: that a note is the last of its name. Whoever can write to the store can
// remove it, or bring an older one back.
//
// A [Sealer] may be used by any number of goroutines. It does no I/O.
package note

import (
	"bytes"
	"errors"
	"io"
	"path"
	"time"

	"veriffs/cache/seal"
)

const (
	// MaxText is the greatest length of a text, in bytes.
	MaxText = 4096
	// Size is that of every note, in bytes.
	Size = int64(seal.SharedHead) + seal.HeaderSize + MaxText + (seal.SealedChunk - seal.ChunkSize)
)

// ErrText says that a text is too long, or ends with a byte of zero.
var ErrText = errors.New("note: unusable text")

// Note is what was sealed.
type Note struct {
	Key    seal.Key
	Text   []byte
	Stored time.Time // when, by the clock of who sealed it
}

// Sealer seals notes with the first secret, and opens those of all.
type Sealer struct {
	secrets []*seal.Secret
	shared  []*seal.Shared
	random  io.Reader
	now     func() time.Time
}

// New returns a sealer with these secrets; shared are theirs.
func New(secrets []*seal.Secret, shared []*seal.Shared, random io.Reader, now func() time.Time) *Sealer {
	return &Sealer{secrets, shared, random, now}
}

// Names returns what the note of a key is called, under each secret: the first name is
// that of what Seal returns.
func (s *Sealer) Names(k seal.Key) []string {
	names := make([]string, len(s.shared))
	for i, h := range s.shared {
		names[i] = path.Base(h.Path(k))
	}
	return names
}

// Seal returns a note.
func (s *Sealer) Seal(k seal.Key, text []byte) ([]byte, error) {
	if len(text) > MaxText || bytes.HasSuffix(text, []byte{0}) {
		return nil, ErrText
	}
	file := make([]byte, seal.FileSize(MaxText))
	w, err := seal.NewWriter(s.random, func(b *seal.Batch) {
		copy(file[b.Offset():], b.Bytes())
		b.Release()
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	padded := make([]byte, MaxText)
	copy(padded, text)
	w.Write(padded)
	if _, err := w.Finish(s.secrets[0], k, nil, s.now()); err != nil {
		return nil, err
	}
	masked := s.shared[0].Head(k, file, int64(len(file)))
	return append(masked[:], file...), nil
}

// Open returns what is in the note of this name: seal.ErrSeal if none of the secrets has
// sealed it.
func (s *Sealer) Open(name string, sealed []byte) (Note, error) {
	if int64(len(sealed)) != Size || len(name) < 2 {
		return Note{}, seal.ErrSeal
	}
	for _, h := range s.shared {
		begins := bytes.Clone(sealed[:seal.SharedBegin]) // which is unsealed in place
		header, _, err := h.Open(begins, Size, h.Dir()+"/"+name[:2]+"/"+name)
		if err != nil {
			continue
		}
		contents, err := header.Contents(bytes.NewReader(sealed[seal.SharedHead:]))
		if err != nil {
			return Note{}, err
		}
		text := make([]byte, MaxText)
		if _, err := contents.ReadAt(text, 0); err != nil && err != io.EOF {
			return Note{}, err
		}
		return Note{header.Key, bytes.TrimRight(text, "\x00"), header.Stored}, nil
	}
	return Note{}, seal.ErrSeal
}
