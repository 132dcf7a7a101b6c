package seal

import "encoding/binary"

const (
	// ChunkSize is how many bytes of the contents are sealed together, at most.
	ChunkSize = 64 << 10
	// SealedChunk is how many bytes a whole chunk takes in the file.
	SealedChunk = ChunkSize + tagSize
)

// chunkNonce is the nonce of chunk i: its number and whether it is the last,
// so that no chunk can stand in for another nor the file end early (the STREAM
// construction, as in age). A data key seals one object only.
func chunkNonce(i int64, last bool) [nonceSize]byte {
	var n [nonceSize]byte
	binary.BigEndian.PutUint64(n[3:], uint64(i))
	if last {
		n[11] = 1
	}
	return n
}

// FileSize is the size of the file that holds an object of length bytes.
func FileSize(length int64) int64 {
	chunks := (length + ChunkSize - 1) / ChunkSize
	return HeaderSize + length + chunks*tagSize
}

// contentLength undoes FileSize; ok is false if no object has such a file.
func contentLength(size int64) (length int64, ok bool) {
	body := size - HeaderSize
	if body < 0 {
		return 0, false
	}
	whole, rest := body/SealedChunk, body%SealedChunk
	if rest == 0 {
		return whole * ChunkSize, true
	}
	return whole*ChunkSize + rest - tagSize, rest > tagSize
}
