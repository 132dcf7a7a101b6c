package logfile

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// HashSize is that of a hash in the tree file, in bytes.
const HashSize = tlog.HashSize

// Frontier is the right edge of a tree: the roots of its complete subtrees, from
// left to right. It is all that is needed to add records and to compute the root.
type Frontier struct {
	N     int64 // records
	peaks []peak
}

type peak struct {
	index int64 // of the stored hash
	hash  tlog.Hash
}

// ReadHashes implements tlog.HashReader for what adding and the root need.
func (f *Frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
next:
	for i, index := range indexes {
		for _, p := range f.peaks {
			if p.index == index {
				hashes[i] = p.hash
				continue next
			}
		}
		return nil, fmt.Errorf("accesslog: hash %d is not on the edge of a tree of %d", index, f.N)
	}
	return hashes, nil
}

// Add adds a record by its hash and returns the hashes to store for it.
func (f *Frontier) Add(leaf tlog.Hash) []tlog.Hash {
	hashes, err := tlog.StoredHashesForRecordHash(f.N, leaf, f)
	if err != nil {
		panic(err) // the edge always has them
	}
	level := len(hashes) - 1 // so many subtrees were completed
	f.peaks = append(f.peaks[:len(f.peaks)-level], peak{tlog.StoredHashIndex(level, f.N>>level), hashes[level]})
	f.N++
	return hashes
}

// Root returns the root of the tree.
func (f *Frontier) Root() tlog.Hash {
	root, err := tlog.TreeHash(f.N, f)
	if err != nil {
		panic(err)
	}
	return root
}

// Clone returns a copy that can be added to and thrown away.
func (f *Frontier) Clone() Frontier {
	return Frontier{f.N, append([]peak(nil), f.peaks...)}
}

// ReadFrontier returns the edge of the tree of n records whose hashes r has.
func ReadFrontier(r tlog.HashReader, n int64) (Frontier, error) {
	f := Frontier{N: n}
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

// TreeReader reads stored hashes from a tree file.
type TreeReader struct{ io.ReaderAt }

// ReadHashes implements tlog.HashReader.
func (t TreeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if _, err := t.ReadAt(hashes[i][:], index*HashSize); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the tree file is too short")
			}
			return nil, err
		}
	}
	return hashes, nil
}

// Leaf returns the hash of a record.
func (t TreeReader) Leaf(n int64) (tlog.Hash, error) {
	hashes, err := t.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return hashes[0], nil
}

// TreeRecords returns how many records a tree file of size bytes knows: those all
// of whose hashes are there.
func TreeRecords(size int64) int64 {
	count := size / HashSize
	n := count/2 + 1 // StoredHashCount(n) is above n and at most 2n
	for ; tlog.StoredHashCount(n) <= count; n++ {
	}
	for ; n > 0 && tlog.StoredHashCount(n) > count; n-- {
	}
	return n
}

// AppendHashes appends hashes as the tree file has them.
func AppendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}
