//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// listings returns how long the stand-in takes to answer what a cold find makes a mount
// ask for, the media and the attempts of each session, over as many connections. Nothing
// is verified, decoded or kept.
func (s *standin) listings(sessions []sandbox.Session) time.Duration {
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	ask := func(id, what string) error {
		r := must(http.NewRequest(http.MethodGet, s.API+"/v1/sessions/"+id+what, nil))
		r.Header.Set("X-AUTH-CLIENT", s.world.APIKey)
		r.Header.Set("X-HMAC-SIGNATURE", veriff.Sign([]byte(id), s.world.Secrets()[0]))
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", r.URL, resp.Status)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	var clients sync.WaitGroup
	ids, failed := make(chan string), make(chan error, connections)
	took := elapsed(func() {
		for range connections {
			clients.Go(func() {
				var err error
				for id := range ids { // to the end, or nobody would take them
					for _, what := range []string{"/media", "/attempts"} {
						if err == nil {
							err = ask(id, what)
						}
					}
				}
				if err != nil {
					failed <- err
				}
			})
		}
		for _, session := range sessions {
			ids <- session.ID.String()
		}
		close(ids)
		clients.Wait()
	})
	close(failed)
	check(<-failed) // nil if there is none
	return took
}
