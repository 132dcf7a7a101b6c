package control

import (
	"github.com/prometheus/client_golang/prometheus"

	"veriffs/internal/team"
)

// TeamStatus is the state of a team's store, as this mount sees it.
type TeamStatus struct {
	Store   string `json:"store"`
	Reading string `json:"reading_down,omitempty"` // why nothing is read from it at present
	Writing string `json:"writing_down,omitempty"` // why nothing is added to it at present

	Hits     int64 `json:"hits"`           // files that came from it
	Misses   int64 `json:"misses"`         // that it did not have
	Refused  int64 `json:"refused"`        // that were not what was asked for
	Failed   int64 `json:"failed"`         // requests that failed
	Late     int64 `json:"late"`           // requests that kept somebody waiting
	Waits    int64 `json:"waits"`          // files that another mount was about to fetch
	Skipped  int64 `json:"skipped"`        // files that it was not asked for, because it was down
	Received int64 `json:"received_bytes"` // of hits

	Queued   int64 `json:"queued"`     // files to be added
	Added    int64 `json:"added"`      // files
	Existed  int64 `json:"existed"`    // that somebody else had added before
	Unshared int64 `json:"unshared"`   // that the cache had no more, or that are none to be shared
	Unsent   int64 `json:"unsent"`     // that could not be added
	Dropped  int64 `json:"dropped"`    // that were given up
	Sent     int64 `json:"sent_bytes"` // of those that were added

	Unannounced int `json:"holds_unwritten"` // holds of this mount that are not in it, as far as is known
}

// teamStatus translates the counts of a team's store.
func teamStatus(s team.Stats, unannounced int) *TeamStatus {
	t := &TeamStatus{
		Store: s.Bucket,
		Hits:  s.Hits, Misses: s.Misses, Refused: s.Refused, Failed: s.Failed, Late: s.Late, Waits: s.Waits, Skipped: s.Skipped, Received: s.Received,
		Queued: s.Queued, Added: s.Shared, Existed: s.Existed, Unshared: s.Unshared, Unsent: s.Unsent, Dropped: s.Dropped, Sent: s.Sent,
		Unannounced: unannounced,
	}
	if s.ReadDown != nil {
		t.Reading = s.ReadDown.Error()
	}
	if s.WriteDown != nil {
		t.Writing = s.WriteDown.Error()
	}
	return t
}

var (
	teamUp       = describe("team_store_up", "0 while the team store is left alone because it failed.", "direction")
	teamGets     = describe("team_store_gets_total", "Files that the team store was asked for, or would have been.", "result")
	teamLate     = describe("team_store_late_total", "Requests to the team store that kept somebody waiting.")
	teamWaits    = describe("team_store_waits_total", "Files that another mount was about to fetch.")
	teamReceived = describe("team_store_received_bytes_total", "Bytes of files from the team store.")
	teamPuts     = describe("team_store_puts_total", "Files that were to be added to the team store.", "result")
	teamSent     = describe("team_store_sent_bytes_total", "Bytes that were added to the team store.")
	teamQueued   = describe("team_store_queued", "Files that wait to be added to the team store, or are on their way.")
)

// teamDescriptions are the metrics of a team's store.
var teamDescriptions = []*prometheus.Desc{teamUp, teamGets, teamLate, teamWaits, teamReceived, teamPuts, teamSent, teamQueued}

// collectTeam sends the metrics of a team's store.
func collectTeam(ch chan<- prometheus.Metric, s *team.Stats) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	send(teamUp, prometheus.GaugeValue, truth(s.ReadDown == nil), "read")
	send(teamUp, prometheus.GaugeValue, truth(s.WriteDown == nil), "write")
	for result, n := range map[string]int64{"hit": s.Hits, "miss": s.Misses, "refused": s.Refused, "failed": s.Failed, "skipped": s.Skipped} {
		send(teamGets, prometheus.CounterValue, float64(n), result)
	}
	for result, n := range map[string]int64{"added": s.Shared, "existed": s.Existed, "unshared": s.Unshared, "failed": s.Unsent, "dropped": s.Dropped} {
		send(teamPuts, prometheus.CounterValue, float64(n), result)
	}
	send(teamLate, prometheus.CounterValue, float64(s.Late))
	send(teamWaits, prometheus.CounterValue, float64(s.Waits))
	send(teamReceived, prometheus.CounterValue, float64(s.Received))
	send(teamSent, prometheus.CounterValue, float64(s.Sent))
	send(teamQueued, prometheus.GaugeValue, float64(s.Queued))
}
