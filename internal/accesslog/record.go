package accesslog

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Operation is what a record is about.
type Operation string

// The operations that are recorded.
const (
	OpOpen      Operation = "open"      // of a media file or a document of metadata/
	OpEnter     Operation = "enter"     // somebody who may not read the mount looked below it, and was refused
	OpMount     Operation = "mount"     // a mount began
	OpUnmount   Operation = "unmount"   // a mount ended in order
	OpUnclean   Operation = "unclean"   // found at the next start: a mount that ended without a record
	OpHeartbeat Operation = "heartbeat" // a mount is up
	OpWarm      Operation = "warm"
	OpExport    Operation = "export"
	OpPurge     Operation = "purge"
	OpHold      Operation = "hold"
	OpRelease   Operation = "release" // of a hold
	OpDelete    Operation = "delete-at-veriff"
	OpPin       Operation = "pin"
	OpUnpin     Operation = "unpin"
	OpEvict     Operation = "evict"
	OpTeamGC    Operation = "team-gc"    // what is too old was removed from the team's store
	OpVerify    Operation = "verify"     // a signature, or an object of the cache, was found wrong; or an audit of the cache
	OpLogRead   Operation = "log-read"   // log show, log prove
	OpLogErase  Operation = "log-erase"  // records were erased on request
	OpLogRetire Operation = "log-retire" // records have passed their retention
	OpLogGap    Operation = "log-gap"    // records were lost: how many, and why
	OpLogRotate Operation = "log-rotate" // the first record of a new file
)

// operations are all there are.
var operations = []Operation{
	OpOpen, OpEnter, OpMount, OpUnmount, OpUnclean, OpHeartbeat, OpWarm, OpExport, OpPurge, OpHold, OpRelease, OpDelete, OpPin, OpUnpin, OpEvict, OpTeamGC,
	OpVerify, OpLogRead, OpLogErase, OpLogRetire, OpLogGap, OpLogRotate,
}

// Known reports whether there is such an operation.
func (o Operation) Known() bool { return slices.Contains(operations, o) }

// Operations returns the names of all operations.
func Operations() (names []string) {
	for _, o := range operations {
		names = append(names, string(o))
	}
	return names
}

// Outcome says how an operation ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Refused Outcome = "refused" // by a rule: a hold, a right, a budget
	Failed  Outcome = "failed"
)

// Source says where the bytes came from.
type Source string

// The sources.
const (
	FromCache Source = "cache"
	FromTeam  Source = "team"
	FromAPI   Source = "api"
)

// Record is one entry of the log. Who makes one fills in what it knows; the log
// adds Sequence, Time, Monotonic, Suspended, Boot, Host and Salt, and what is the same for
// all records of a process: Version, Profile, Account, Mountpoint.
type Record struct {
	Sequence  uint64    `json:"seq"`                   // from 0, without gaps
	Time      time.Time `json:"time"`                  // UTC
	Monotonic int64     `json:"monotonic_ns"`          // since the boot, suspended time included
	Suspended int64     `json:"suspended_s,omitempty"` // of Monotonic, in seconds: the machine was suspended
	Boot      string    `json:"boot,omitempty"`
	Host      string    `json:"host,omitempty"`

	Version    string `json:"version,omitempty"` // of veriffs
	Profile    string `json:"profile,omitempty"`
	Account    string `json:"account,omitempty"` // tells integrations apart, not a secret
	Mountpoint string `json:"mountpoint,omitempty"`

	Operation Operation `json:"op"`
	Outcome   Outcome   `json:"outcome"`
	Errno     string    `json:"errno,omitempty"` // such as EIO
	Error     string    `json:"error,omitempty"`

	Session  string `json:"session,omitempty"`
	Attempt  string `json:"attempt,omitempty"`
	Media    string `json:"media,omitempty"`
	Document string `json:"document,omitempty"` // of metadata/, such as decision.json
	Context  string `json:"context,omitempty"`
	Size     int64  `json:"size,omitempty"` // in bytes, verified
	SHA256   string `json:"sha256,omitempty"`
	From     Source `json:"from,omitempty"`
	SecretID string `json:"secret_id,omitempty"` // whose signature was verified; empty: none

	Caller *Caller `json:"caller,omitempty"` // nil: nobody asked, veriffs itself acted

	// Detail is what only this operation has, such as the receipt of a purge.
	Detail json.RawMessage `json:"detail,omitempty"`

	Salt string `json:"salt"` // random, so that the hash of an erased record says nothing
}

// Caller is the process that asked. What could not be read is named in Unknown
// and zero here.
type Caller struct {
	UID        uint32 `json:"uid"`
	GID        uint32 `json:"gid"`
	LoginUID   uint32 `json:"loginuid"`      // 4294967295: none
	AuditID    uint32 `json:"audit_session"` // 4294967295: none
	TID        uint32 `json:"tid"`           // in the mount's pid namespace; 0: the caller is outside of it
	PID        uint32 `json:"pid"`           // of the thread's group
	PPID       uint32 `json:"ppid"`
	Start      uint64 `json:"start"` // of the process, in clock ticks since the boot
	Command    string `json:"comm,omitempty"`
	Executable string `json:"exe,omitempty"`
	Device     uint64 `json:"exe_dev,omitempty"`
	Inode      uint64 `json:"exe_ino,omitempty"`
	Cgroup     string `json:"cgroup,omitempty"`
	Arguments  string `json:"args,omitempty"` // only if asked for

	Unknown []string `json:"unknown,omitempty"` // names of the fields that could not be read
}

// Knows reports whether a field could be read, by its name in JSON. One that could not is
// zero, which is also the id of root.
func (c *Caller) Knows(field string) bool { return !slices.Contains(c.Unknown, field) }

// Recorder takes records. It is the log as the rest of the program sees it.
//
// Record returns once the record is as safe as the mode demands: on the disk
// with required, taken over with best-effort. An error means, with required,
// that the operation must not go on. When ctx ends it waits no longer, and returns
// the cause; the record may be written all the same.
type Recorder interface {
	Record(ctx context.Context, r Record) error
}
