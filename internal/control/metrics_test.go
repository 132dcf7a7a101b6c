package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/warming"
)

// metricsAddress is a log that keeps the address at which metrics are served.
type metricsAddress string

func (a *metricsAddress) Enabled(context.Context, slog.Level) bool { return true }

func (a *metricsAddress) WithAttrs([]slog.Attr) slog.Handler { return a }

func (a *metricsAddress) WithGroup(string) slog.Handler { return a }

func (a *metricsAddress) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(at slog.Attr) bool {
		if r.Message == "metrics are served" && at.Key == "address" {
			*a = metricsAddress(at.Value.String())
		}
		return true
	})
	return nil
}

// accounts is an access log that is not well.
type accounts struct{}

func (accounts) Record(context.Context, accesslog.Record) error { return nil }
func (accounts) Status() accesslog.Status {
	return accesslog.Status{Path: "/log", Records: 7, Lost: 2, Failing: "no space"}
}

func TestMetrics(t *testing.T) {
	h := newHouse(t, Options{Metrics: "127.0.0.1:0", AccessLog: accounts{}})
	if _, err := h.lib.Warm(t.Context(), warming.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	overSocket, err := h.client.http.Get("http://veriffs" + pathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	overTCP, err := http.Get("http://" + string(h.metrics) + pathMetrics)
	if err != nil {
		t.Fatal(err)
	}
	for name, resp := range map[string]*http.Response{"socket": overSocket, "TCP": overTCP} {
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		var ours strings.Builder
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "veriffs_") {
				ours.WriteString(line)
			}
		}
		problems, err := promlint.New(strings.NewReader(ours.String())).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
		for _, want := range []string{
			"veriffs_sessions 8\n", `veriffs_api_requests_total{kind="media",outcome="ok"} 32` + "\n",
			`veriffs_build_info{version="v1"} 1` + "\n", "veriffs_api_first_byte_seconds_count 48\n", "veriffs_api_up 1\n", "veriffs_api_held_seconds 0\n",
			"veriffs_access_log_records 7\n", "veriffs_access_log_lost_total 2\n", "veriffs_access_log_failing 1\n", "go_goroutines ",
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		for _, session := range h.Sessions() {
			if strings.Contains(string(text), session.ID.String()) {
				t.Errorf("%s: the metrics tell an id", name)
			}
		}
	}
	// Over TCP there is nothing else.
	for _, path := range []string{"/", pathMount, pathStatus, pathPurge} {
		resp, err := http.Get("http://" + string(h.metrics) + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s over TCP: %s", path, resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	h.client.http.CloseIdleConnections()
}

func TestMetricsForOthersAreWarnedOf(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": false, "[::1]:1": false, "0.0.0.0:1": true, "192.0.2.1:1": true} {
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		warnUnlessLoopback(addr, slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.Len() > 0; got != want {
			t.Errorf("%s: warned: %v", address, got)
		}
	}
}

func TestMetricsPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(shortDir(t), "veriffs")
	if _, err := Serve(Options{Metrics: taken.Addr().String(), directories: []string{dir}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func (accounts) Prove(accesslog.Filter) (*audit.Proof, error) { return nil, nil }
