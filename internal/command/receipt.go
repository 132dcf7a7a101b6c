package command

import (
	"errors"
	"time"

	"veriffs/cache"
	"veriffs/internal/library"
	"veriffs/veriff"
)

const (
	flagReceipt = "receipt"
	// receiptNamespace is what the signature of a receipt is for.
	receiptNamespace = "veriffs-receipt"
	// receiptType names the form of a receipt.
	receiptType = "veriffs erasure receipt 1"
	// signatureSuffix ends the name of a receipt's signature.
	signatureSuffix = ".sig"
)

// receipt is the evidence of a purge as it is written down.
type receipt struct {
	Type    string `json:"type"`
	Tool    string `json:"tool"`
	Cache   string `json:"cache"` // the directory that was read
	Asked   asked  `json:"asked"`
	Outcome string `json:"outcome"` // erased, unproven, refused or failed: of what is kept here
	Error   string `json:"error,omitempty"`
	library.Erasure
	// Copies is where copies may be left, as far as can be known here.
	Copies []copies `json:"copies_may_remain"`
	// Exports are those that the access log tells of; null: there is no log, or it
	// could not be read.
	Exports []exported `json:"exports"`
	// AtVeriff is what Veriff was asked to delete, and its answer; null: nothing.
	AtVeriff *atVeriff `json:"requested_at_veriff"`
}

// asked is what was to be erased.
type asked struct {
	Session    string `json:"session,omitempty"`
	All        bool   `json:"all,omitempty"`
	ExceptHeld bool   `json:"except_held,omitempty"`
	AtVeriff   bool   `json:"at_veriff,omitempty"`
	By         string `json:"by,omitempty"`
}

// copies is a place where copies may be.
type copies struct {
	Where string `json:"where"`
	Count int64  `json:"count,omitempty"`
	Note  string `json:"note"`
}

// atVeriff is a request to delete a session at Veriff.
type atVeriff struct {
	veriff.Deletion
	Error string `json:"error,omitempty"`
}

// The outcomes of a receipt.
const (
	outcomeErased   = "erased"
	outcomeUnproven = "unproven"
	outcomeRefused  = "refused"
	outcomeFailed   = "failed"
)

// nothingErased is an erasure that was refused before it looked at anything.
func nothingErased(session string) library.Erasure {
	now := time.Now()
	return library.Erasure{
		Session: session, Secrets: []string{}, Pages: "none",
		Report: cache.Report{Started: now, Finished: now, Erased: []cache.Erased{}, Unknown: []string{}},
	}
}

// newReceipt describes an erasure that ended with err.
func newReceipt(cache string, what asked, e library.Erasure, err error) *receipt {
	r := &receipt{Type: receiptType, Tool: "veriffs " + version, Cache: cache, Asked: what, Erasure: e, Outcome: outcomeErased, Copies: []copies{}}
	switch {
	case errors.Is(err, library.ErrHeld):
		r.Outcome = outcomeRefused
	case err != nil:
		r.Outcome = outcomeFailed
	case !e.Proven:
		r.Outcome = outcomeUnproven
	}
	if err != nil {
		r.Error = trimPackage(err)
	}
	add := func(n int64, where, note string) {
		if n > 0 {
			r.Copies = append(r.Copies, copies{where, n, note})
		}
	}
	add(e.Open, "open files", "programs that have them open can read them until they close them")
	add(e.Unreadable, "objects of other secrets", "sealed with a secret that is not configured; whose they are is not known")
	add(e.Unattributed, "objects of attempts", "whose session they are of is not known")
	add(e.Beside, "the cache of the other kind of key", "its objects were not looked at")
	add(int64(len(e.Unknown)), "files that veriffs did not make", "they are in the cache's directory, and were not looked at")
	add(int64(len(e.Held)), "held sessions", "their holds forbid to erase them")
	add(int64(len(e.HeldByTeam)), "holds of other members", "they forbid to erase it in the team store")
	if e.Pages == "pending" {
		r.Copies = append(r.Copies, copies{Where: "the kernel's memory", Note: "it was told to drop its pages, and has not answered"})
	}
	r.addTeam()
	r.Copies = append(r.Copies,
		copies{Where: "programs", Note: "what programs copied, printed or sent, thumbnails included, is not known here"},
		copies{Where: "other installations", Note: "their caches were not looked at"})
	return r
}

// addTeam says what may be left in the team's store.
func (r *receipt) addTeam() {
	t := r.Team
	switch {
	case t == nil || t.Proven:
	case t.LeftAlone:
		r.Copies = append(r.Copies, copies{Where: "the team store", Note: "it was left alone: it is the team's"})
	case t.Error != "":
		r.Copies = append(r.Copies, copies{"the team store", t.Remaining, "the erasure there is not complete: " + t.Error})
	default:
		r.Copies = append(r.Copies, copies{"the team store", t.Unreadable, "objects that no configured secret opens; whose they are is not known"})
	}
}
