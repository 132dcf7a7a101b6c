//go:build !linux

package caller

import "veriffs/internal/accesslog"

// Resolver describes callers. Make one with New.
type Resolver struct{ arguments bool }

// New returns a Resolver.
func New(o Options) *Resolver { return &Resolver{o.Arguments} }

// Resolve describes the process with this id, of which nothing but its ids is known
// on this system.
func (r *Resolver) Resolve(id, uid, gid uint32) accesslog.Caller {
	c := unknown(id, uid, gid, r.arguments)
	c.PID, c.Unknown = id, c.Unknown[1:] // there, threads have no ids of their own
	return c
}

// Close does nothing.
func (r *Resolver) Close() {}
