package command

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"veriffs/internal/control"
	"veriffs/internal/library"
	"veriffs/veriff"
)

// trouble adds an exit code, and a hint, to a command's failure, unless it has them.
func trouble(err error) error {
	err = generalTrouble(err)
	if err == nil || hasHint(err) {
		return err
	}
	for _, known := range failures {
		if known.is(err) {
			return &hinted{err: err, code: exitFailed, hint: known.hint}
		}
	}
	return err
}

// generalTrouble does so only if whatever else the command is to do would fail for the
// same reason.
func generalTrouble(err error) error {
	switch {
	case err == nil || hasHint(err):
		return err
	case errors.Is(err, library.ErrHeld):
		return heldTrouble(err)
	case errors.Is(err, veriff.ErrRefused):
		return &hinted{err: err, code: exitRefused, hint: refusedHint(err)}
	case errors.Is(err, library.ErrOffline), errors.Is(err, veriff.ErrUnreachable):
		return &hinted{err: err, code: exitUnreachable, hint: "the cache is intact; try again when the network is back"}
	case errors.Is(err, library.ErrTeamHolds):
		return &hinted{err: err, code: exitTeam, hint: "check that the team store answers, and what its credentials allow (docs/team.md lists the rights); then run the same command again"}
	case errors.Is(err, control.ErrNotRecorded):
		return &hinted{err: err, code: exitRecords, hint: "what was done stays done; veriffs status and the mount's log say what is wrong with the access log"}
	}
	return err
}

// hasHint reports whether an error needs no more advice.
func hasHint(err error) bool {
	_, _, code := known(err)
	return code != 0 || errors.As(err, new(*reported))
}

// failures are what a command can fail for beside that, and what to do about it.
var failures = []struct {
	is   func(error) bool
	hint string
}{
	{wraps(library.ErrNotFound), "check the id and the account (--profile, --api-url, --api-key); Veriff does not tell a session that it has deleted from one that never was"},
	{wraps(veriff.ErrRateLimited), "Veriff asks for fewer requests: run the same command again in a few minutes"},
	{wraps(veriff.ErrSignature), "what is not signed by the shared secret is not kept; check that a proxy does not answer in the API's place"},
	{wraps(veriff.ErrServer), "Veriff's servers fail: run the same command again later"},
	{wraps(veriff.ErrNotUUID), "an id has the form 9a042d5f-8b8e-43ec-903f-e56e4948bbfb"},
	{wraps(control.ErrNoAnswer), "veriffs status says whether the mount is still there; without one the command works on the cache itself"},
	{outOfSpace, "free some space on the disk, then run the same command again"},
	{system(syscall.EACCES, syscall.EPERM, syscall.EROFS), "check who owns the file or directory, and whether you may write there"},
	{system(syscall.EIO), "the disk fails: see the kernel's log (dmesg), and copy what you need from it"},
}

func wraps(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// system recognises errors of the system, also by their text, which is all that a mount
// sends.
func system(numbers ...syscall.Errno) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(numbers, func(n syscall.Errno) bool {
			return errors.Is(err, n) || err != nil && strings.Contains(err.Error(), n.Error())
		})
	}
}

// outOfSpace reports whether an error is for want of room on a disk.
var outOfSpace = system(syscall.ENOSPC, syscall.EDQUOT)
