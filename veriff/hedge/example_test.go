package hedge_test

import (
	"fmt"
	"time"

	"veriffs/veriff/hedge"
)

// A request is late by what its peers took, and second requests are earned by
// answers.
func Example() {
	var p hedge.Policy
	fmt.Println("known:", p.Late("media") > 0, "affordable:", p.Pay())
	for range 100 {
		p.Learn("media", 20*time.Millisecond)
	}
	fmt.Println("late after", p.Late("media").Round(10*time.Millisecond))
	fmt.Println("affordable:", p.Pay(), p.Pay(), p.Pay())
	p.Overloaded()
	fmt.Println("sent twice:", p.Counts().Sent)
	// Output:
	// known: false affordable: false
	// late after 120ms
	// affordable: true true false
	// sent twice: 2
}
