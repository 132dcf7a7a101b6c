package control

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"veriffs/internal/library"
)

// registry returns what /metrics shows: the counts of the mount, read on each
// request, and those of the process.
func (s *Server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{library: s.library, records: s.records, version: s.mount.Version},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

type collector struct {
	library Library
	records AccessLog // nil: none
	version string
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("veriffs_"+name, help, labels, nil)
}

// metric is a metric without labels.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*library.Stats) float64
}

func gauge(name, help string, value func(*library.Stats) float64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, value}
}

func counter(name, help string, value func(*library.Stats) float64) metric {
	return metric{describe(name, help), prometheus.CounterValue, value}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var metrics = []metric{
	gauge("sessions", "Sessions in the collection.", func(s *library.Stats) float64 { return float64(s.Sessions) }),
	gauge("listings_in_flight", "Listings being asked for.", func(s *library.Stats) float64 { return float64(s.Listing) }),
	gauge("files_in_flight", "Files being fetched or waiting for it.", func(s *library.Stats) float64 { return float64(s.Fetching) }),
	gauge("api_requests_in_flight", "Requests to the API under way.", func(s *library.Stats) float64 { return float64(s.API.Active) }),
	gauge("api_up", "0 while the API is known to be out of reach.", func(s *library.Stats) float64 { return truth(s.Offline == nil) }),
	gauge("api_held_seconds", "Seconds until requests go out again, after the API asked for fewer; 0 if they do.", func(s *library.Stats) float64 {
		if s.API.HeldUntil.IsZero() {
			return 0
		}
		return max(0, time.Until(s.API.HeldUntil).Seconds())
	}),
	counter("api_received_bytes_total", "Bytes of bodies received from the API.", func(s *library.Stats) float64 { return float64(s.API.Bytes) }),
	counter("refused_total", "Opens and looks of users who may not read, and opens beyond a user's budget.", func(s *library.Stats) float64 { return float64(s.Refused) }),
	counter("read_ahead_used_total", "Files fetched ahead of a walk and then opened.", func(s *library.Stats) float64 { return float64(s.ReadAhead.Used) }),
	counter("read_ahead_wasted_total", "Files fetched ahead of a walk and passed over.", func(s *library.Stats) float64 { return float64(s.ReadAhead.Wasted) }),
	gauge("cache_objects", "Objects in the cache.", func(s *library.Stats) float64 { return float64(s.Cache.Objects) }),
	gauge("cache_pinned_objects", "Objects that are not evicted for room.", func(s *library.Stats) float64 { return float64(s.Cache.Pinned) }),
	gauge("cache_open_objects", "Objects held open by readers.", func(s *library.Stats) float64 { return float64(s.Cache.Open) }),
	gauge("cache_bytes", "Bytes on disk.", func(s *library.Stats) float64 { return float64(s.Cache.Bytes) }),
	gauge("cache_limit_bytes", "Bytes that the cache may take on disk.", func(s *library.Stats) float64 { return float64(s.Cache.Limit) }),
	gauge("cache_memory_bytes", "Bytes of objects kept in memory because the disk did not take them.", func(s *library.Stats) float64 { return float64(s.Cache.Memory) }),
	gauge("cache_loading", "1 while the index is not complete yet.", func(s *library.Stats) float64 { return truth(s.Cache.Loading) }),
	gauge("cache_bypassed", "1 while the disk is full or failing and left alone.", func(s *library.Stats) float64 { return truth(s.Cache.Bypassed) }),
	counter("cache_hits_total", "Lookups of objects and listings that were there.", func(s *library.Stats) float64 { return float64(s.Cache.Hits) }),
	counter("cache_misses_total", "Lookups of objects and listings that were not.", func(s *library.Stats) float64 { return float64(s.Cache.Misses) }),
	counter("cache_evictions_total", "Objects evicted for room.", func(s *library.Stats) float64 { return float64(s.Cache.Evictions) }),
	counter("cache_damaged_total", "Objects deleted because they were not what had been stored.", func(s *library.Stats) float64 { return float64(s.Cache.Damaged) }),
}

var (
	buildInfo   = describe("build_info", "Always 1; the version is a label.", "version")
	opensTotal  = describe("opens_total", "Opens of files, by where they were answered from.", "result")
	apiRequests = describe("api_requests_total", "Requests to the API, every try as one.", "kind", "outcome")
	logRecords  = describe("access_log_records", "Records in the access log.")
	logLost     = describe("access_log_lost_total", "Records that could not be written.")
	logFailing  = describe("access_log_failing", "1 while the access log can't be written.")
	apiLatency  = describe("api_first_byte_seconds", "Time from a request to the first byte of its answer.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics {
		ch <- m.desc
	}
	ch <- buildInfo
	ch <- opensTotal
	ch <- apiRequests
	ch <- apiLatency
	for _, d := range teamDescriptions {
		ch <- d
	}
	if c.records != nil {
		ch <- logRecords
		ch <- logLost
		ch <- logFailing
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.library.Stats()
	for _, m := range metrics {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
	ch <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.version)
	opens := func(result string, n int64) {
		ch <- prometheus.MustNewConstMetric(opensTotal, prometheus.CounterValue, float64(n), result)
	}
	opens("cached", s.Cached)
	opens("fetched", s.Opens-s.Cached)
	opens("failed", s.Failed)
	for r, n := range s.API.Requests {
		ch <- prometheus.MustNewConstMetric(apiRequests, prometheus.CounterValue, float64(n), r.Kind, r.Outcome)
	}
	if c.records != nil {
		log := c.records.Status()
		ch <- prometheus.MustNewConstMetric(logRecords, prometheus.GaugeValue, float64(log.Records))
		ch <- prometheus.MustNewConstMetric(logLost, prometheus.CounterValue, float64(log.Lost))
		ch <- prometheus.MustNewConstMetric(logFailing, prometheus.GaugeValue, truth(log.Failing != ""))
	}
	if s.Team != nil {
		collectTeam(ch, s.Team)
	}
	took := s.API.FirstByte
	ch <- prometheus.MustNewConstHistogram(apiLatency, uint64(took.Count), took.Sum.Seconds(), took.Cumulative())
}
