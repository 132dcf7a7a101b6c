package command

import (
	"context"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
)

// exported is what one process exported of a session, by the access log. Where copies
// of an export went is not known.
type exported struct {
	Session string    `json:"session"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Files   int       `json:"files"` // and documents, that it was handed
	UID     *uint32   `json:"uid,omitempty"`
	Program string    `json:"program,omitempty"`
	PID     uint32    `json:"pid,omitempty"`
}

// addExports adds what the access log knows of exports of a session; "" is all.
func (r *receipt) addExports(ctx context.Context, k *keeper, session string) {
	path, err := k.accessLogPath(ctx)
	if path == "" && err == nil {
		return
	}
	if err == nil {
		r.Exports, err = readExports(path, session)
	}
	switch {
	case err != nil:
		r.Copies = append(r.Copies, copies{Where: "exports", Note: "the access log could not be read: " + trimPackage(err)})
	case len(r.Exports) > 0:
		r.Copies = append(r.Copies, copies{"exports", int64(len(r.Exports)), "see exports; where their copies are is not known"})
	}
}

func readExports(path, session string) ([]exported, error) {
	f := accesslog.Filter{Operations: []accesslog.Operation{accesslog.OpExport}}
	if session != "" {
		f.Sessions = []string{session}
	}
	type process struct {
		session    string
		pid        uint32
		start      uint64
		unresolved bool
	}
	exports, known := []exported{}, make(map[process]int)
	err := audit.Read(path, f, func(r *accesslog.Record, _ []byte) error {
		if r.Outcome != accesslog.Success {
			return nil
		}
		by := process{session: r.Session, unresolved: r.Caller == nil}
		if r.Caller != nil {
			by.pid, by.start = r.Caller.PID, r.Caller.Start
		}
		n, ok := known[by]
		if !ok {
			n = len(exports)
			known[by] = n
			e := exported{Session: r.Session, First: r.Time}
			if r.Caller != nil {
				uid := r.Caller.UID
				e.UID, e.Program, e.PID = &uid, r.Caller.Command, r.Caller.PID
			}
			exports = append(exports, e)
		}
		exports[n].Last = r.Time
		exports[n].Files++
		return nil
	})
	return exports, err
}
