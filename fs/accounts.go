package fs

import (
	"context"
	"encoding/hex"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"veriffs/internal/accesslog"
	"veriffs/internal/caller"
	"veriffs/internal/library"
)

// accounts records who opened what. A nil *accounts records nothing.
type accounts struct {
	log     accesslog.Recorder
	callers *caller.Resolver
}

func newAccounts(o Options) *accounts {
	if o.Recorder == nil {
		return nil
	}
	return &accounts{o.Recorder, caller.New(caller.Options{Arguments: o.Arguments, Logger: o.Logger})}
}

func (a *accounts) close() {
	if a != nil {
		a.callers.Close()
	}
}

// record records what the caller did, and that it ended with err. It is to be called
// before the kernel is answered, while the caller waits and can be looked at. describe
// says what it was done to. An error means that a file must not be opened.
func (a *accounts) record(ctx context.Context, op accesslog.Operation, err error, describe func(*accesslog.Record)) error {
	if a == nil {
		return nil
	}
	r := accesslog.Record{Operation: op, Outcome: accesslog.Success}
	if errno := errnoOf(err); errno != 0 {
		r.Outcome, r.Errno, r.Error = accesslog.Failed, unix.ErrnoName(errno), err.Error()
		if refused(errno) {
			r.Outcome = accesslog.Refused
		}
	}
	if from, ok := fuse.FromContext(ctx); ok {
		who := a.callers.Resolve(from.Pid, from.Uid, from.Gid)
		r.Caller = &who
	}
	describe(&r)
	return a.log.Record(ctx, r)
}

// recordMedia says what was opened, and the SHA-256 of that; handle is nil if it was not.
func recordMedia(r *accesslog.Record, f *library.File, handle *library.Handle, sum [32]byte) {
	r.Media, r.Context = f.ID.String(), f.Context()
	if !f.In.Session.IsZero() {
		r.Session = f.In.Session.String()
	}
	if !f.In.Attempt.IsZero() {
		r.Attempt = f.In.Attempt.String()
	}
	if handle == nil {
		return
	}
	label := handle.Label()
	r.Size, r.SHA256, r.SecretID = handle.Size(), hex.EncodeToString(sum[:]), label.SecretID
	r.From = sources[handle.From()]
	// What was sealed with the file knows more than a listing that names no session.
	if r.Session == "" {
		r.Session = label.Session
	}
	if r.Attempt == "" {
		r.Attempt = label.Attempt
	}
}

// sources are where a file can come from, as records say it.
var sources = map[library.Source]accesslog.Source{
	library.FromCache: accesslog.FromCache, library.FromTeam: accesslog.FromTeam, library.FromAPI: accesslog.FromAPI,
}

// source is where a document came from.
func source(fetched bool) accesslog.Source {
	if fetched {
		return accesslog.FromAPI
	}
	return accesslog.FromCache
}
