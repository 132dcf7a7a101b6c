package accesslog

import (
	"encoding/json"
	"fmt"
	"time"
)

// Mount is a mount that a log has a record of. It is the detail of the records of
// mounts.
type Mount struct {
	ID         string `json:"id"`
	Mountpoint string `json:"mountpoint,omitempty"`
	PID        int    `json:"pid,omitempty"`
	Start      uint64 `json:"start,omitempty"` // of the process, as in Caller
	Boot       string `json:"boot,omitempty"`
	Namespace  string `json:"pid_ns,omitempty"` // in which PID counts
	Host       string `json:"host,omitempty"`
}

// HeartbeatEvery is how often a mount records that it is up.
const HeartbeatEvery = time.Hour

// MountDetail is the detail of mount, unmount, heartbeat and unclean.
type MountDetail struct {
	Mount *Mount          `json:"mount,omitempty"`
	Lost  uint64          `json:"lost,omitempty"` // records, since the mount began
	Info  json.RawMessage `json:"info,omitempty"` // of the caller
}

// RotateDetail is the detail of log-rotate.
type RotateDetail struct {
	Up []Mount `json:"up"` // the mounts that are up
}

// EraseDetail is the detail of log-erase. It does not say whose records they were.
type EraseDetail struct {
	Sequences [][2]int64 `json:"sequences"` // ranges, first and last
	Reason    string     `json:"reason"`
}

// ErasedSequences returns what a log-erase record says was erased, as ranges.
func ErasedSequences(r *Record) (spans [][2]int64) {
	var d EraseDetail
	if r.Operation == OpLogErase && json.Unmarshal(r.Detail, &d) == nil {
		spans = d.Sequences
	}
	return spans
}

// RetireDetail is the detail of log-retire.
type RetireDetail struct {
	Below int64  `json:"below"` // all records with smaller sequence numbers are past their time
	Keep  string `json:"keep"`  // how long records were kept
}

// GapDetail is the detail of a log-gap record.
type GapDetail struct {
	Reason  string `json:"reason"`
	Lost    uint64 `json:"lost,omitempty"`    // records
	Refused uint64 `json:"refused,omitempty"` // operations, because they could not be recorded
	Bytes   int64  `json:"bytes,omitempty"`   // that were cut off
	SHA256  string `json:"bytes_sha256,omitempty"`
	Since   string `json:"since,omitempty"`
	Missing string `json:"missing,omitempty"` // sequence numbers that are in no file
	Records string `json:"records,omitempty"` // sequence numbers of others that are meant

	// Unsigned are the first and the last of records that no checkpoint covered when they
	// were found, and that were taken up all the same. They may be anybody's: what a
	// log-erase or log-retire among them says gives no right to erase or delete.
	Unsigned *[2]int64 `json:"unsigned,omitempty"`
}

// String says what was lost, for people.
func (d GapDetail) String() string {
	text := d.Reason
	if d.Lost > 0 {
		text = fmt.Sprintf("%d records were lost: %s", d.Lost, text)
	}
	if d.Refused > 0 {
		text = fmt.Sprintf("%d operations were refused, as they could not be recorded: %s", d.Refused, text)
	}
	if d.Bytes > 0 {
		text += fmt.Sprintf(" (%d bytes)", d.Bytes)
	}
	if d.Missing+d.Records != "" {
		text += ": " + d.Missing + d.Records
	}
	return text
}

// Detail encodes what only one operation has.
func Detail(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own structs
	}
	return text
}
