//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"veriffs/veriff/sandbox"
)

// roles are what this program does when it has started itself.
var roles = map[string]func(context.Context, []string){
	"serve-sandbox": serveStandin,
	"serve-bare":    serveBare,
	"read-files":    readFiles,
}

// standin is the stand-in for the API in a process of its own. world is the
// same world in this process, which so knows what there is without asking.
type standin struct {
	child
	addresses
	world   *sandbox.Sandbox
	trusted string // the file of the certificate that the API has; "" without TLS
}

// addresses are where a stand-in listens.
type addresses struct {
	API     string // the API's, which overTLS replaces
	TLS     secure // the same API over TLS
	Index   string // the same files as a tree of HTML indexes, for rclone
	Store   string // the server of object storage that relay has named
	Control string
}

// startStandin serves the world that is walked, or a generated one of a scale.
func startStandin(scale ...sandbox.Scale) *standin {
	s := &standin{world: newWorld(scale)}
	_, out := s.self("serve-sandbox", string(must(json.Marshal(scale))))
	check(json.Unmarshal(must(bufio.NewReader(out).ReadBytes('\n')), &s.addresses))
	return s
}

func newWorld(scale []sandbox.Scale) *sandbox.Sandbox {
	if len(scale) == 0 {
		return walkWorld()
	}
	return sandbox.New(sandbox.Options{Scale: scale[0]})
}

// serveStandin is the role of that process.
func serveStandin(ctx context.Context, args []string) {
	var scale []sandbox.Scale
	check(json.Unmarshal([]byte(args[0]), &scale))
	world := newWorld(scale)
	var latency atomic.Int64 // a time.Duration
	delayed := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Duration(latency.Load()))
			h.ServeHTTP(w, r)
		})
	}
	tree := sync.OnceValue(func() *index { // which few runs ask for
		if len(scale) == 0 {
			return newIndex(world.Sessions()[:walkSessions])
		}
		return newIndex(world.Sessions())
	})
	indexed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tree().ServeHTTP(w, r) })
	store := newRelay()
	control := http.NewServeMux()
	control.HandleFunc("/latency", func(_ http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.FormValue("d")) // as delay sent it
		world.ClearFaults()
		if d > 0 {
			world.Set(sandbox.Match{}, sandbox.Latency(d))
		}
		latency.Store(int64(d))
	})
	control.HandleFunc("/relay", store.set)
	control.HandleFunc("/reset", func(http.ResponseWriter, *http.Request) { world.ResetRequests() })
	control.HandleFunc("/counts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(world.Requests().ByPath)
	})

	var a addresses
	for address, handler := range map[*string]http.Handler{&a.API: world, &a.Index: delayed(indexed), &a.Store: delayed(store), &a.Control: control} {
		server := must(sandbox.Listen(handler))
		defer server.Close()
		*address = server.URL
	}
	var stop func()
	a.TLS, stop = serveTLS(world)
	defer stop()
	check(json.NewEncoder(os.Stdout).Encode(a))
	awaitEnd(ctx)
}

// delay makes every later request wait this long for its first byte, those to the
// store, too.
func (s *standin) delay(d time.Duration) { s.control("latency?d="+d.String(), nil) }

// reset sets the counts to zero.
func (s *standin) reset() { s.control("reset", nil) }

// requests returns how many requests there were of a kind since the last reset,
// by id. The kind is what their path begins with: media, sessions.
func (s *standin) requests(kind string) map[string]int {
	var byPath map[string]int
	s.control("counts", &byPath)
	byID := map[string]int{}
	for path, n := range byPath {
		if rest, ok := strings.CutPrefix(path, "/v1/"+kind+"/"); ok {
			id, _, _ := strings.Cut(rest, "/")
			byID[id] += n
		}
	}
	return byID
}

func (s *standin) control(path string, into any) {
	resp := must(http.Get(s.Control + "/" + path))
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		check(fmt.Errorf("the stand-in's %s: %s", path, resp.Status))
	}
	if into != nil {
		check(json.NewDecoder(resp.Body).Decode(into))
	}
}
