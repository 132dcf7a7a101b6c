package accesslog

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// hashSize is that of a hash in the tree file, in bytes.
const hashSize = tlog.HashSize

// frontier is the right edge of a tree: the roots of its complete subtrees, from
// left to right. It is all that is needed to add records and to compute the root.
type frontier struct {
	n     int64 // records
	peaks []peak
}

type peak struct {
	index int64 // of the stored hash
	hash  tlog.Hash
}

// ReadHashes implements tlog.HashReader for what adding and the root need.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
next:
	for i, index := range indexes {
		for _, p := range f.peaks {
			if p.index == index {
				hashes[i] = p.hash
				continue next
			}
		}
		return nil, fmt.Errorf("accesslog: hash %d is not on the edge of a tree of %d", index, f.n)
	}
	return hashes, nil
}

// add adds a record by its hash and returns the hashes to store for it.
func (f *frontier) add(leaf tlog.Hash) []tlog.Hash {
	hashes, err := tlog.StoredHashesForRecordHash(f.n, leaf, f)
	if err != nil {
		panic(err) // the edge always has them
	}
	level := len(hashes) - 1 // so many subtrees were completed
	f.peaks = append(f.peaks[:len(f.peaks)-level], peak{tlog.StoredHashIndex(level, f.n>>level), hashes[level]})
	f.n++
	return hashes
}

func (f *frontier) root() tlog.Hash {
	root, err := tlog.TreeHash(f.n, f)
	if err != nil {
		panic(err)
	}
	return root
}

// clone returns a copy that can be added to and thrown away.
func (f *frontier) clone() frontier {
	return frontier{f.n, append([]peak(nil), f.peaks...)}
}

// readFrontier returns the edge of the tree of n records whose hashes r has.
func readFrontier(r tlog.HashReader, n int64) (frontier, error) {
	f := frontier{n: n}
	var indexes []int64
	for begin := int64(0); begin < n; {
		level := bits.Len64(uint64(n-begin)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, begin>>level))
		begin += 1 << level
	}
	hashes, err := r.ReadHashes(indexes)
	for i := range hashes {
		f.peaks = append(f.peaks, peak{indexes[i], hashes[i]})
	}
	return f, err
}

// treeReader reads stored hashes from a tree file.
type treeReader struct{ io.ReaderAt }

func (t treeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if _, err := t.ReadAt(hashes[i][:], index*hashSize); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the tree file is too short")
			}
			return nil, err
		}
	}
	return hashes, nil
}

// leaf returns the hash of a record.
func (t treeReader) leaf(n int64) (tlog.Hash, error) {
	hashes, err := t.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return hashes[0], nil
}

// treeRecords returns how many records a tree file of size bytes knows: those all
// of whose hashes are there.
func treeRecords(size int64) int64 {
	count := size / hashSize
	n := count/2 + 1 // StoredHashCount(n) is above n and at most 2n
	for ; tlog.StoredHashCount(n) <= count; n++ {
	}
	for ; n > 0 && tlog.StoredHashCount(n) > count; n-- {
	}
	return n
}
