// Package control lets other processes of the same user query and command a
// running mount, by HTTP over a unix socket. It has the server, the client, and
// the metrics.
//
// # What it promises
//
// Only processes of the mount's own user get an answer. The socket has mode 0600
// in a directory of mode 0700 that must be the user's own, and the kernel is
// asked for the user of each peer. A socket whose process is gone is recognised
// and removed. A request ends when its client goes away. Metrics, which can also
// be served over TCP, contain no ids, no names and no personal data.
//
// # What it does not promise
//
// It does not protect against other processes of the same user, nor against
// root: both can read the mount itself. Metrics over TCP need no password.
//
// # Concurrency
//
// A [Server] and a [Client] may be used by any number of goroutines. The
// server's only lock guards whether it is closed; the library below has its own.
// net/http recovers panics of handlers.
package control

import (
	"context"
	"fmt"
	"os"
	"time"

	"veriffs/internal/accesslog/audit"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/internal/listing"
	"veriffs/internal/retention"
	"veriffs/internal/team"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// Keeper takes commands. There are two: a library, and a Client, which forwards
// everything to the library of a running mount.
type Keeper interface {
	Warm(context.Context, warming.Options, func(warming.Progress)) (warming.Progress, error)
	EraseSession(context.Context, veriff.SessionID) (library.Erasure, error)
	EraseAll(ctx context.Context, exceptHeld bool) (library.Erasure, error)
	Evict(ctx context.Context, names []string) (library.Evicted, error)
	Pin(ctx context.Context, name string) (library.Pinned, error)
	Unpin(ctx context.Context, name string) (library.Pinned, error)
	Hold(context.Context, library.HoldOptions) (library.Held, error)
	Holds(context.Context) ([]library.Hold, error)
	TeamHolds(context.Context) ([]library.TeamHold, error)
	Release(context.Context, library.ReleaseOptions) (library.Hold, error)
	ReleaseUnreadable(ctx context.Context, reason string) error
	Retention(ctx context.Context, only []veriff.SessionID) (retention.Report, error)
	DeleteAtVeriff(context.Context, veriff.SessionID) (veriff.Deletion, error)
	Audit(context.Context) (library.Audited, error)
	TeamSurvey(ctx context.Context, only []veriff.SessionID) (library.TeamSurvey, error)
	TeamCollect(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error)
}

var (
	_ Keeper = (*library.Library)(nil)
	_ Keeper = (*Client)(nil)
)

// Mount identifies a running mount.
type Mount struct {
	Mountpoint string    `json:"mountpoint"`
	Account    string    `json:"account"` // tells integrations apart, not a secret
	CacheDir   string    `json:"cache_dir"`
	PID        int       `json:"pid"`
	Version    string    `json:"version"`
	Started    time.Time `json:"started"`
	Restarts   int       `json:"restarts"`             // after deaths of earlier processes
	Supervisor int       `json:"supervisor,omitempty"` // the process that restarts it; 0: none does
}

// ThisProcess describes the mount of this process, started now.
func ThisProcess(mountpoint, account, cacheDir, version string) Mount {
	return Mount{Mountpoint: mountpoint, Account: account, CacheDir: cacheDir, PID: os.Getpid(), Version: version, Started: time.Now()}
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
	pathHold    = "/v1/hold"
	pathHolds   = "/v1/holds"
	pathRelease = "/v1/release"
	pathRetain  = "/v1/retention"
	pathDelete  = "/v1/delete-at-veriff"
	pathReceipt = "/v1/receipt"
	pathAudit   = "/v1/audit"
	pathList    = "/v1/exhibits"
	pathOpen    = "/v1/exhibit"
	pathProve   = "/v1/prove"
	pathMetrics = "/metrics"

	pathTeamSurvey  = "/v1/team/survey"
	pathTeamCollect = "/v1/team/collect"
	pathTeamHolds   = "/v1/team/holds"
)

// maxRequest bounds a request's body in bytes: a million session ids.
const maxRequest = 64 << 20

type warmRequest struct {
	Sessions []string `json:"sessions,omitempty"`
	Names    []string `json:"names,omitempty"`
	Team     bool     `json:"team,omitempty"`
	listing.Selection
}

// warmLine is one line of the answer to a warmRequest. The last line has Result.
type warmLine struct {
	Progress *warming.Progress `json:"progress,omitempty"`
	Result   *warming.Progress `json:"result,omitempty"`
	Error    *failure          `json:"error,omitempty"`
}

type purgeRequest struct {
	Session string `json:"session,omitempty"`
	All     bool   `json:"all,omitempty"` // exactly one of the two is set
	Except  bool   `json:"except_held,omitempty"`
}

// purgeReply says what was erased, even if the purge failed later.
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

// listRequest asks for the inventory of a session, openRequest for one item of it.
// The answer to the latter is the item's origin on a line, and then its bytes.
type listRequest struct {
	Session string            `json:"session"`
	Want    exhibit.Selection `json:"want"`
}

type openRequest struct {
	Item exhibit.Item `json:"item"`
}

// proveRequest asks for the access log's records of sessions, proven.
type proveRequest struct {
	Sessions []string `json:"sessions"`
}

// proveReply has no proof if the mount keeps no access log.
type proveReply struct {
	Proof *audit.Proof `json:"proof,omitempty"`
}

func session(text string) (veriff.SessionID, error) {
	id, err := veriff.ParseSessionID(text)
	if err != nil {
		return id, fmt.Errorf("%w: %w", errRequest, err)
	}
	return id, nil
}

func sessionsOf(texts []string) (ids []veriff.SessionID, err error) {
	for _, text := range texts {
		id, err := session(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func texts(ids []veriff.SessionID) (texts []string) {
	for _, id := range ids {
		texts = append(texts, id.String())
	}
	return texts
}
