package sandbox

import "encoding/binary"

// The domains keep ids of different kinds, and what else is hashed, apart.
const (
	sessionDomain = iota + 1
	attemptDomain
	mediaDomain
	listDomain
)

// mintedSeed is for ids made up by AddSession and AddAttempt, demoSeed for
// those of the demonstration set.
const (
	mintedSeed = 0x6d696e746564
	demoSeed   = 0x64656d6f
)

// golden and the constants in mix are those of SplitMix64 (Steele, Lea and
// Flood, 2014).
const golden = 0x9e3779b97f4a7c15

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func hash(values ...uint64) uint64 {
	h := uint64(golden)
	for _, v := range values {
		h = mix(h + golden + v)
	}
	return h
}

// uuid returns the n-th UUID v4 of a seed and domain. It looks random and yet
// can be turned back into n by index, so that a generated world needs no
// table: its first half is n sent through a four-round Feistel network over
// the 60 bits that a v4 leaves free, its second a hash of that, as a check.
func uuid(seed, domain, n uint64) (id [16]byte) {
	left, right := n>>30, n&half
	for round := range uint64(4) {
		left, right = right, left^roundOf(seed, domain, round, right)
	}
	hi := left<<30 | right
	binary.BigEndian.PutUint64(id[:8], hi>>12<<16|0x4000|hi&0xfff)
	binary.BigEndian.PutUint64(id[8:], check(seed, domain, hi))
	return id
}

// index inverts uuid, and reports false if the id isn't one of the first count.
func index(id [16]byte, seed, domain uint64, count int) (int, bool) {
	hi := binary.BigEndian.Uint64(id[:8])
	if count == 0 || hi>>12&0xf != 4 {
		return 0, false
	}
	hi = hi>>16<<12 | hi&0xfff
	if binary.BigEndian.Uint64(id[8:]) != check(seed, domain, hi) {
		return 0, false
	}
	left, right := hi>>30, hi&half
	for round := uint64(4); round > 0; round-- {
		left, right = right^roundOf(seed, domain, round-1, left), left
	}
	n := left<<30 | right
	return int(n), n < uint64(count)
}

const half = 1<<30 - 1

func roundOf(seed, domain, round, v uint64) uint64 { return hash(seed, domain, round, v) & half }

// check is the second half of a UUID: 62 bits behind the variant's two.
func check(seed, domain, hi uint64) uint64 {
	return hash(seed, domain, hi, ^uint64(0))&(1<<62-1) | 1<<63
}
