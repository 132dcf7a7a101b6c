// Package control lets other processes of the same user ask and command a
// running mount: HTTP over a unix socket, and a client that finds it.
//
// What it promises: only processes of the mount's own user get an answer. The
// socket has mode 0600 in a directory of mode 0700 that is checked to be the
// user's own, and each peer's user is asked of the kernel besides. A socket
// whose process is gone is recognised and removed. What a client asked for
// ends when the client goes away. Metrics, which may also be had over TCP,
// hold no id, no name and nothing of a person.
//
// What it does not: there is no protection against other processes of the same
// user, nor against root, who can read the mount itself.
package control

import (
	"context"
	"os"
	"time"

	"veriffs/internal/library"
	"veriffs/veriff"
)

// Keeper is what can be commanded. There are two: a library, and a Client,
// which passes everything on to the library of a running mount.
type Keeper interface {
	Warm(context.Context, library.WarmOptions, func(library.Warmed)) (library.Warmed, error)
	EraseSession(context.Context, veriff.SessionID) (library.Erasure, error)
	EraseAll(context.Context) (library.Erasure, error)
	Evict(ctx context.Context, names []string) (library.Evicted, error)
	Pin(ctx context.Context, name string) (library.Pinned, error)
	Unpin(ctx context.Context, name string) (library.Pinned, error)
}

var (
	_ Keeper = (*library.Library)(nil)
	_ Keeper = (*Client)(nil)
)

// Mount says which mount a server speaks for.
type Mount struct {
	Mountpoint string    `json:"mountpoint"`
	Account    string    `json:"account"` // tells integrations apart, not a secret
	PID        int       `json:"pid"`
	Version    string    `json:"version"`
	Started    time.Time `json:"started"`
}

// ThisProcess describes the mount of the calling process, from now on.
func ThisProcess(mountpoint, account, version string) Mount {
	return Mount{Mountpoint: mountpoint, Account: account, PID: os.Getpid(), Version: version, Started: time.Now()}
}

// The paths that a server answers.
const (
	pathMount   = "/v1/mount"
	pathStatus  = "/v1/status"
	pathWarm    = "/v1/warm"
	pathPurge   = "/v1/purge"
	pathEvict   = "/v1/evict"
	pathPin     = "/v1/pin"
	pathUnpin   = "/v1/unpin"
	pathMetrics = "/metrics"
)

// maxRequest bounds a request's body in bytes: a million session ids.
const maxRequest = 64 << 20

type warmRequest struct {
	Sessions []string `json:"sessions,omitempty"`
	Names    []string `json:"names,omitempty"`
	Contexts []string `json:"contexts,omitempty"`
	NoVideo  bool     `json:"no_video,omitempty"`
}

// warmLine is one line of the answer to a warmRequest. The last one has the
// result.
type warmLine struct {
	Progress *library.Warmed `json:"progress,omitempty"`
	Result   *library.Warmed `json:"result,omitempty"`
	Error    *failure        `json:"error,omitempty"`
}

type purgeRequest struct {
	Session string `json:"session,omitempty"`
	All     bool   `json:"all,omitempty"` // one of the two is given
}

// purgeReply holds what was erased, even if the erasure failed later.
type purgeReply struct {
	Erasure library.Erasure `json:"erasure"`
	Error   *failure        `json:"error,omitempty"`
}

type evictRequest struct {
	Names []string `json:"names,omitempty"`
	All   bool     `json:"all,omitempty"`
}

type pinRequest struct {
	Name string `json:"name"`
}
