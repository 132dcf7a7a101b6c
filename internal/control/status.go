package control

import (
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
	"veriffs/internal/memory"
	"veriffs/veriff"
)

// Status is the state of a mount. Counts start with the mount.
type Status struct {
	Mount
	Sessions int    `json:"sessions"`
	Online   bool   `json:"online"`            // as far as the mount knows
	Offline  string `json:"offline,omitempty"` // why it is offline

	Opens     OpensStatus     `json:"opens"`
	InFlight  InFlightStatus  `json:"in_flight"`
	ReadAhead ReadAheadStatus `json:"read_ahead"`
	API       APIStatus       `json:"api"`
	Cache     CacheStatus     `json:"cache"`

	Bandwidth int64             `json:"bandwidth_limit,omitempty"` // bytes of files a second; 0: no limit
	TeamStore *TeamStatus       `json:"team_store,omitempty"`      // nil: there is none
	AccessLog *accesslog.Status `json:"access_log,omitempty"`      // nil: there is none
	Memory    *memory.State     `json:"memory,omitempty"`          // nil: the system does not tell
}

// OpensStatus counts opens of files by their result.
type OpensStatus struct {
	Total   int64   `json:"total"`    // that went well
	Cached  int64   `json:"cached"`   // of them, without waiting for the network
	HitRate float64 `json:"hit_rate"` // Cached/Total; 0 if there was none
	Failed  int64   `json:"failed"`
	Refused int64   `json:"refused"` // opens and looks of users who may not, or opens beyond their budget
}

// InFlightStatus counts work in progress.
type InFlightStatus struct {
	Listings int `json:"listings"`
	Files    int `json:"files"`    // being fetched or waiting for their turn
	Requests int `json:"requests"` // to the API
}

// ReadAheadStatus counts prefetched files.
type ReadAheadStatus struct {
	Used   int64 `json:"used"`
	Wasted int64 `json:"wasted"`
}

// APIStatus counts requests to the API, each try as one.
type APIStatus struct {
	Requests int64   `json:"requests"`
	Bytes    int64   `json:"bytes"` // received, of bodies
	P50      float64 `json:"latency_p50_seconds"`
	P99      float64 `json:"latency_p99_seconds"`
	// HeldUntil is until when no request goes out, because the API asked for
	// fewer.
	HeldUntil time.Time        `json:"held_until,omitzero"`
	Kinds     map[string]int64 `json:"requests_by_kind"`
	Errors    map[string]int64 `json:"errors"` // by outcome, without probes
}

// CacheStatus is the state of the cache.
type CacheStatus struct {
	Objects   int64  `json:"objects"`
	Bytes     int64  `json:"bytes"` // on disk
	Limit     int64  `json:"limit"`
	Pinned    int64  `json:"pinned"`
	Open      int64  `json:"open"`
	Memory    int64  `json:"memory_bytes"`
	Hits      int64  `json:"hits"`
	Misses    int64  `json:"misses"`
	Evictions int64  `json:"evictions"`
	Damaged   int64  `json:"damaged"` // found damaged and deleted
	State     string `json:"state"`
}

// States of a cache.
const (
	cacheOK       = "ok"
	cacheLoading  = "loading"  // the counts are not complete yet
	cacheBypassed = "bypassed" // its disk is full or failing; files are served without it
)

// statusOf translates the counts of a library.
func statusOf(m Mount, s library.Stats) Status {
	st := Status{
		Mount: m, Sessions: s.Sessions, Online: s.Offline == nil,
		Opens:     OpensStatus{Total: s.Opens, Cached: s.Cached, Failed: s.Failed, Refused: s.Refused},
		InFlight:  InFlightStatus{Listings: s.Listing, Files: s.Fetching, Requests: s.API.Active},
		ReadAhead: ReadAheadStatus{Used: s.ReadAhead.Used, Wasted: s.ReadAhead.Wasted},
		API: APIStatus{
			Bytes: s.API.Bytes, Kinds: make(map[string]int64), Errors: make(map[string]int64),
			P50: seconds(s.API.FirstByte.Quantile(0.5)), P99: seconds(s.API.FirstByte.Quantile(0.99)),
			HeldUntil: s.API.HeldUntil,
		},
		Cache: CacheStatus{
			Objects: s.Cache.Objects, Bytes: s.Cache.Bytes, Limit: s.Cache.Limit, Pinned: s.Cache.Pinned,
			Open: s.Cache.Open, Memory: s.Cache.Memory, Hits: s.Cache.Hits, Misses: s.Cache.Misses,
			Evictions: s.Cache.Evictions, Damaged: s.Cache.Damaged, State: cacheState(s),
		},
	}
	if own, known := memory.Own(); known {
		st.Memory = &own
	}
	if s.Offline != nil {
		st.Offline = s.Offline.Error()
	}
	if s.Team != nil {
		st.TeamStore = teamStatus(*s.Team, s.Unannounced)
	}
	if s.Opens > 0 {
		st.Opens.HitRate = float64(s.Cached) / float64(s.Opens)
	}
	for r, n := range s.API.Requests {
		st.API.Requests += n
		st.API.Kinds[r.Kind] += n
		if r.Outcome != veriff.OutcomeOK && r.Kind != veriff.KindProbe {
			st.API.Errors[r.Outcome] += n
		}
	}
	return st
}

func cacheState(s library.Stats) string {
	switch {
	case s.Cache.Bypassed:
		return cacheBypassed
	case s.Cache.Loading:
		return cacheLoading
	default:
		return cacheOK
	}
}

func seconds(d time.Duration) float64 { return d.Seconds() }
