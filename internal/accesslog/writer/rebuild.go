package writer

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog/logfile"
)

// rebuild computes the tree of a checkpoint again, from the records. The hashes of
// erased and deleted records, which only the tree has, are taken from it.
func (s *store) rebuild(c logfile.Checkpoint) error {
	damaged := errors.New("and its tree file do not fit its checkpoint")
	leaves := make(map[int64]tlog.Hash)
	paths, err := s.OldFiles()
	if err != nil {
		return err
	}
	for _, path := range append(paths, s.Base) {
		f, err := logfile.OpenRead(path)
		if err != nil {
			continue // what is missing shows below
		}
		_, _, err = logfile.ReadLines(f, 0, func(line []byte, _ int64) error {
			n := logfile.SequenceOf(line)
			if _, erased := logfile.ParseStub(line); n >= 0 && n < c.Size && !erased {
				leaves[n] = logfile.RecordHash(line)
			}
			return nil
		})
		f.Close()
		if err != nil {
			return errors.Join(damaged, err)
		}
	}
	var (
		edge   logfile.Frontier
		hashes []byte
	)
	for edge.N < c.Size {
		leaf, ok := leaves[edge.N]
		if !ok {
			if leaf, err = (logfile.TreeReader{ReaderAt: s.tree}).Leaf(edge.N); err != nil {
				return errors.Join(damaged, err)
			}
		}
		hashes = logfile.AppendHashes(hashes, edge.Add(leaf))
	}
	if edge.Root() != c.Root {
		return damaged
	}
	s.edge = edge
	if err := s.disk.Write(s.tree, hashes, 0); err != nil {
		return err
	}
	return s.disk.Sync(s.tree)
}
