package erasure

import (
	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/internal/team"
)

// Evidence is what an erasure leaves behind. What was erased is named by the
// keyed hash that was its file's name, which tells whoever doesn't have the
// secret nothing.
type Evidence struct {
	Session string `json:"session,omitempty"` // whose data were erased; empty: everybody's
	cache.Report
	// Secrets are the ids of the secrets that opened what was read.
	Secrets []string `json:"secret_ids"`
	// Unattributed is the number of objects left of which is not known whose
	// they are: files of attempts whose session was never known. More than 0
	// means that the erasure of a session is not proven.
	Unattributed int64 `json:"unattributed"`
	// Held are the sessions that are held and were left for that.
	Held []hold.Report `json:"held,omitempty"`
	// HeldByTeam are the holds of other members that forbid it.
	HeldByTeam []notice.Posted `json:"held_by_team,omitempty"`
	// Pages says what the kernel held of the files in memory: "dropped", "none"
	// if nothing was mounted, or "pending" if it was told but has not answered,
	// because a program waits in the directory.
	Pages string `json:"kernel_pages"`
	// Team is what was erased in the team's store; nil: there is none.
	Team *team.Erasure `json:"team_store,omitempty"`
}

// What became of the kernel's pages.
const (
	pagesDropped = "dropped"
	pagesNone    = "none"
	pagesPending = "pending"
)
