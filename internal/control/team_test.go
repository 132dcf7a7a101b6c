package control

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"veriffs/internal/library"
	"veriffs/internal/team"
)

// teamStats has another number in each field.
var teamStats = team.Stats{
	Bucket: "s3://b/p", Hits: 1, Misses: 2, Refused: 3, Failed: 4, Late: 5, Skipped: 6, Received: 7, Waits: 15,
	Queued: 8, Shared: 9, Existed: 10, Unshared: 11, Unsent: 12, Dropped: 13, Sent: 14, WriteDown: errors.New("why"),
}

// TestTeamStatus: each count of a team's store is where it belongs.
func TestTeamStatus(t *testing.T) {
	want := &TeamStatus{
		Store: "s3://b/p", Writing: "why", Hits: 1, Misses: 2, Refused: 3, Failed: 4, Late: 5, Skipped: 6, Received: 7, Waits: 15,
		Queued: 8, Added: 9, Existed: 10, Unshared: 11, Unsent: 12, Dropped: 13, Sent: 14, Unannounced: 16,
	}
	if diff := cmp.Diff(want, statusOf(Mount{}, library.Stats{Team: &teamStats, Unannounced: 16}).TeamStore); diff != "" {
		t.Error(diff)
	}
	if s := statusOf(Mount{}, library.Stats{}).TeamStore; s != nil {
		t.Errorf("without a store: %+v", s)
	}
}

// onlyTeam collects the metrics of a team's store alone.
type onlyTeam struct{}

func (onlyTeam) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range teamDescriptions {
		ch <- d
	}
}

func (onlyTeam) Collect(ch chan<- prometheus.Metric) { collectTeam(ch, &teamStats) }

func TestTeamMetrics(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(onlyTeam{})
	want := `# HELP veriffs_team_store_gets_total Files that the team store was asked for, or would have been.
# TYPE veriffs_team_store_gets_total counter
veriffs_team_store_gets_total{result="failed"} 4
veriffs_team_store_gets_total{result="hit"} 1
veriffs_team_store_gets_total{result="miss"} 2
veriffs_team_store_gets_total{result="refused"} 3
veriffs_team_store_gets_total{result="skipped"} 6
# HELP veriffs_team_store_late_total Requests to the team store that kept somebody waiting.
# TYPE veriffs_team_store_late_total counter
veriffs_team_store_late_total 5
# HELP veriffs_team_store_puts_total Files that were to be added to the team store.
# TYPE veriffs_team_store_puts_total counter
veriffs_team_store_puts_total{result="added"} 9
veriffs_team_store_puts_total{result="dropped"} 13
veriffs_team_store_puts_total{result="existed"} 10
veriffs_team_store_puts_total{result="failed"} 12
veriffs_team_store_puts_total{result="unshared"} 11
# HELP veriffs_team_store_queued Files that wait to be added to the team store, or are on their way.
# TYPE veriffs_team_store_queued gauge
veriffs_team_store_queued 8
# HELP veriffs_team_store_received_bytes_total Bytes of files from the team store.
# TYPE veriffs_team_store_received_bytes_total counter
veriffs_team_store_received_bytes_total 7
# HELP veriffs_team_store_sent_bytes_total Bytes that were added to the team store.
# TYPE veriffs_team_store_sent_bytes_total counter
veriffs_team_store_sent_bytes_total 14
# HELP veriffs_team_store_up 0 while the team store is left alone because it failed.
# TYPE veriffs_team_store_up gauge
veriffs_team_store_up{direction="read"} 1
veriffs_team_store_up{direction="write"} 0
# HELP veriffs_team_store_waits_total Files that another mount was about to fetch.
# TYPE veriffs_team_store_waits_total counter
veriffs_team_store_waits_total 15
`
	shown := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(shown, httptest.NewRequest(http.MethodGet, pathMetrics, nil))
	if diff := cmp.Diff(want, shown.Body.String()); diff != "" {
		t.Error(diff)
	}
	if problems, err := promlint.New(shown.Body).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
