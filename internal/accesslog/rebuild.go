package accesslog

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// rebuild computes the tree of a checkpoint again, from the records. The hashes of
// erased and deleted records, which only the tree has, are taken from it.
func (s *store) rebuild(c Checkpoint) error {
	damaged := errors.New("and its tree file do not fit its checkpoint")
	leaves := make(map[int64]tlog.Hash)
	paths, err := s.oldFiles()
	if err != nil {
		return err
	}
	for _, path := range append(paths, s.base) {
		f, err := openRead(path)
		if err != nil {
			continue // what is missing shows below
		}
		_, _, err = readLines(f, 0, func(line []byte, _ int64) error {
			n := sequenceOf(line)
			if _, erased := parseStub(line); n >= 0 && n < c.Size && !erased {
				leaves[n] = recordHash(line)
			}
			return nil
		})
		f.Close()
		if err != nil {
			return errors.Join(damaged, err)
		}
	}
	var (
		edge   frontier
		hashes []byte
	)
	for edge.n < c.Size {
		leaf, ok := leaves[edge.n]
		if !ok {
			if leaf, err = (treeReader{s.tree}).leaf(edge.n); err != nil {
				return errors.Join(damaged, err)
			}
		}
		hashes = appendHashes(hashes, edge.add(leaf))
	}
	if edge.root() != c.Root {
		return damaged
	}
	s.edge = edge
	if err := s.disk.write(s.tree, hashes, 0); err != nil {
		return err
	}
	return s.disk.sync(s.tree)
}
