package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/installation"
)

// proofFormat names the form of a Proof.
const proofFormat = "veriffs-access-log-proof/1"

// Proof is a choice of a log's records with the proofs that they are in it, to be
// handed out without the rest. It does not prove that there are no others.
type Proof struct {
	Format     string           `json:"format"`
	Filter     accesslog.Filter `json:"filter"` // what was chosen; says who wrote the proof
	Key        string           `json:"key"`    // verifier key: compare it with one from elsewhere
	Checkpoint string           `json:"checkpoint"`
	Entries    []Entry          `json:"entries"`
	Unsigned   int              `json:"unsigned,omitempty"` // chosen records that the checkpoint does not cover yet, left out
}

// Entry is a record with its proof.
type Entry struct {
	Sequence int64            `json:"seq"`
	Record   string           `json:"record"` // the line as it is in the log
	Proof    tlog.RecordProof `json:"proof"`  // RFC 6962 audit path
}

// Prove proves the records that a filter chooses, as far as the newest checkpoint
// covers them. A record that is not what was logged is an error.
func Prove(path string, f accesslog.Filter, key *installation.Key) (*Proof, error) {
	s, err := open(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.unreadError(); err != nil {
		return nil, err
	}
	p, err := s.prove(f, key)
	if err == nil {
		_, err = p.Verify(p.Key)
	}
	if err != nil {
		return nil, &accesslog.Error{Path: s.Base, Err: err, Hint: "veriffs log verify says what is wrong"}
	}
	return p, nil
}

func (s *snapshot) prove(f accesslog.Filter, key *installation.Key) (*Proof, error) {
	if s.checkpoint == nil || s.tree == nil {
		return nil, errors.New("has no checkpoint or no tree")
	}
	origin, err := logfile.OriginOf(s.checkpoint)
	if err != nil {
		return nil, fmt.Errorf("has a checkpoint that %w", err)
	}
	p := &Proof{Format: proofFormat, Filter: f, Key: key.VerifierKey(origin), Checkpoint: string(s.checkpoint), Entries: []Entry{}}
	c, err := logfile.ParseCheckpoint(s.checkpoint, p.Key)
	if err != nil {
		return nil, fmt.Errorf("has a checkpoint that %w", err)
	}
	tree := logfile.TreeReader{ReaderAt: s.tree}
	for _, file := range s.records {
		_, err := file.each(func(line []byte, number int) error {
			if _, ok := logfile.Choose(&f, line); !ok {
				return nil
			}
			n := logfile.SequenceOf(line)
			if n >= c.Size {
				p.Unsigned++
				return nil
			}
			proof, err := tlog.ProveRecord(c.Size, n, tree)
			if err != nil {
				return fmt.Errorf("line %d of %s can't be proven: %w", number, file.path, err)
			}
			p.Entries = append(p.Entries, Entry{n, string(line), proof})
			return nil
		})
		if err != nil && !errors.Is(err, logfile.ErrLongLine) { // what Verify tells of
			return nil, err
		}
	}
	return p, nil
}

// ParseProof reads a proof. It checks nothing but the form.
func ParseProof(text []byte) (*Proof, error) {
	var p Proof
	if err := json.Unmarshal(text, &p); err != nil || p.Format != proofFormat {
		return nil, errors.New("not a proof of access-log records, as log prove writes it")
	}
	return &p, nil
}

// Verify checks everything in the proof by a verifier key, which should come from
// elsewhere than the proof. It returns the state of the log that the records were in.
func (p *Proof) Verify(key string) (logfile.Checkpoint, error) {
	c, err := logfile.ParseCheckpoint([]byte(p.Checkpoint), key)
	if err != nil {
		return c, fmt.Errorf("the checkpoint in the proof %w", err)
	}
	last := int64(-1)
	for _, e := range p.Entries {
		switch {
		case e.Sequence <= last:
			return c, fmt.Errorf("record %d is there twice or out of order", e.Sequence)
		case logfile.SequenceOf([]byte(e.Record)) != e.Sequence, strings.ContainsAny(e.Record, "\n\r"):
			return c, fmt.Errorf("record %d is not the one that it is said to be", e.Sequence)
		case tlog.CheckRecord(e.Proof, c.Size, c.Root, e.Sequence, logfile.RecordHash([]byte(e.Record))) != nil:
			return c, fmt.Errorf("record %d is not in the log: it, or its proof, was changed", e.Sequence)
		}
		last = e.Sequence
	}
	return c, nil
}

// Records returns the records of a proof.
func (p *Proof) Records() ([]accesslog.Record, error) {
	var all []accesslog.Record
	for _, e := range p.Entries {
		r, err := logfile.ParseRecord([]byte(e.Record))
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", e.Sequence, err)
		}
		all = append(all, r)
	}
	return all, nil
}
