package accesslog

import "time"

// Status is how a log is. It costs no I/O.
type Status struct {
	Path    string         `json:"path"`
	Mode    Mode           `json:"mode"`
	Records int64          `json:"records"` // in the log, as this process knows it
	Waiting int            `json:"waiting"` // records that are not written yet
	Lost    uint64         `json:"lost"`    // since Open
	Failing string         `json:"failing,omitempty"`
	Anchors []AnchorStatus `json:"anchors"`
}

// AnchorStatus is what an anchor has.
type AnchorStatus struct {
	Name    string    `json:"name"`
	Records int64     `json:"records"`        // covered by the last checkpoint that it took
	Taken   time.Time `json:"taken,omitzero"` // when; zero: none since Open
}
