//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// fleet are machines whose users open sessions: a model, which needs no network.
//
// Each open is of all files of a session that is drawn independently of those before.
// The i-th most popular session is drawn in proportion to 1/i^Exponent (Zipf). A machine
// keeps the sessions that it opened last; the team store keeps everything.
//
// The exponents that were reported of the requests of many users to web caches are from
// 0.60 to 1.03, as Krashakov, Teslyuk and Shchur sum up ("On the universality of rank
// distributions of website popularity", 2004, arXiv:cs/0404010); see also Breslau et al.,
// "Web Caching and Zipf-like Distributions", INFOCOM 1999. Nobody has published any of
// people who review cases.
type fleet struct {
	Machines int
	Sessions int // that there are
	Files    int // in each
	Opens    int // of sessions, by each machine
	Exponent float64
	Keeps    int // sessions in the cache of a machine
}

// prediction is how many files are opened, and how many of those opens ask somebody else
// than the machine's own cache. With a team store the API is asked for each file once.
type prediction struct {
	opened   int
	missed   int // requests to the API without a team store; with one, to the store
	distinct int // requests to the API with a team store
}

// saved is the part of the requests to the API that a team store saves.
func (p prediction) saved() float64 { return 1 - float64(p.distinct)/float64(max(p.missed, 1)) }

// trace returns which sessions each machine opens, in order: the same for the same seed.
func (f fleet) trace(seed uint64) [][]int {
	random := rand.New(rand.NewPCG(seed, 0))
	reach := make([]float64, f.Sessions) // the weights of a session and all that are more popular
	total := 0.0
	for i := range reach {
		total += math.Pow(float64(i+1), -f.Exponent)
		reach[i] = total
	}
	trace := make([][]int, f.Machines)
	for m := range trace {
		trace[m] = make([]int, f.Opens)
		for i := range trace[m] {
			session, _ := slices.BinarySearch(reach, random.Float64()*total)
			trace[m][i] = min(session, f.Sessions-1) // the product may be rounded up
		}
	}
	return trace
}

// predict follows a trace. In which order the machines take turns makes no difference: who
// is first to open a file asks the API, and there is one first.
func (f fleet) predict(trace [][]int) (p prediction) {
	known := make(map[int]bool)
	for _, sessions := range trace {
		kept := must(simplelru.NewLRU[int, bool](max(f.Keeps, 1), nil))
		for _, session := range sessions {
			p.opened += f.Files
			if _, ok := kept.Get(session); ok && f.Keeps > 0 {
				continue
			}
			p.missed += f.Files
			kept.Add(session, true)
			known[session] = true
		}
	}
	p.distinct = len(known) * f.Files
	return p
}
