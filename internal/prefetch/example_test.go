package prefetch_test

import (
	"fmt"
	"time"

	"veriffs/internal/prefetch"
)

// Sessions a to c have four files each. Two neighbours are a stream; when it
// stops, what nobody opened is dropped.
func ExamplePredictor() {
	w := newWorld(3, 4, unlimited) // a World
	p := prefetch.New(w, 64<<20)
	now := time.Now()
	show := func(event string, plan prefetch.Plan) {
		fmt.Print(event, ":")
		for _, id := range plan.Drop {
			fmt.Print(" drop ", name(id))
		}
		for _, f := range plan.Fetch {
			fmt.Print(" fetch ", name(f.Listing.File(f.Index).ID))
		}
		fmt.Println()
	}
	for file, event := range []string{"open a0", "open a1", "open a2"} {
		now = now.Add(50 * time.Millisecond)
		show(event, p.Opened(now, prefetch.Spot{Listing: w.sessions[0], Index: file}))
	}
	plan, _ := p.Passed(now.Add(prefetch.Pause))
	show("pause", plan)
	// Output:
	// open a0:
	// open a1: fetch a2 fetch a3
	// open a2: fetch b0 fetch b1 fetch b2 fetch b3
	// pause: drop a3 drop b0 drop b1 drop b2 drop b3
}
