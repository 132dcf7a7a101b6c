package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"veriffs/internal/accesslog"
	"veriffs/internal/control"
	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/veriff"
)

// What a user can cause comes with advice, from a library as from a mount, which sends
// the text of the system's errors alone.
func TestTroubleHasAHint(t *testing.T) {
	noRoom := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for _, c := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("library: session 1: %w", library.ErrNotFound), exitFailed},
		{&library.HeldError{Holds: []library.Hold{{Reason: "claim"}}}, exitHeld},
		{&library.HeldError{Foreign: 1}, exitHeld},
		{&library.HeldError{Unreadable: errors.New("the record of a hold can't be read")}, exitHeld},
		{fmt.Errorf("list: %w", library.ErrOffline), exitUnreachable},
		{fmt.Errorf("list: %w", veriff.ErrUnreachable), exitUnreachable},
		{fmt.Errorf("list: %w", veriff.ErrRefused), exitRefused},
		{fmt.Errorf("list: %w", veriff.ErrRateLimited), exitFailed},
		{fmt.Errorf("list: %w", veriff.ErrServer), exitFailed},
		{fmt.Errorf("list: %w", veriff.ErrSignature), exitFailed},
		{fmt.Errorf("attempt: %w", veriff.ErrNotUUID), exitFailed},
		{fmt.Errorf("the mount on /m %w: EOF", control.ErrNoAnswer), exitFailed},
		{fmt.Errorf("control: %w: %w", control.ErrNotRecorded, noRoom), exitRecords},
		{&accesslog.Error{Path: "log", Err: noRoom, Hint: "make room"}, exitRecords},
		{noRoom, exitFailed},
		{errors.New("cache: hold: " + syscall.EDQUOT.Error()), exitFailed},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, exitFailed},
		{errors.New("rename x: " + syscall.EROFS.Error()), exitFailed},
		{errors.New("read x: " + syscall.EIO.Error()), exitFailed},
		{new(keeper).teamTrouble(fmt.Errorf("library: %w", library.ErrClock)), exitTeam},
		{erasureTrouble(errors.New("3 objects keep coming back")), exitFailed},
		{exportTrouble(&evidence.IncompleteError{Missing: []exhibit.Missing{{Name: "x", Reason: syscall.ENOSPC.Error()}}}), exitIncomplete},
		{exportTrouble(fmt.Errorf("evidence: %w: refused", evidence.ErrStamp)), exitFailed},
		{exportTrouble(fmt.Errorf("evidence: %w: no key", evidence.ErrSign)), exitFailed},
		{destinationTrouble("x", fmt.Errorf("evidence: x %w", evidence.ErrInTheWay)), exitUsage},
	} {
		problem, hint, code := explain(t.Context(), trouble(c.err))
		if problem == "" || hint == "" || code != c.code {
			t.Errorf("%v: %q, hint %q, exit code %d, not %d", c.err, problem, hint, code, c.code)
		}
	}
}

// What a hold lacks for the disk is not blamed on --cache-size.
func TestIncompleteHold(t *testing.T) {
	for name, c := range map[string]struct {
		held library.Held
		hint string
	}{
		"the disk is full":  {library.Held{NoRoom: 1, Needed: 100, Used: 500, Limit: 10_000}, "free some space there"},
		"the cache is full": {library.Held{NoRoom: 1, Needed: 100, Used: 9_950, Limit: 10_000}, "larger --cache-size"},
		"it is lost":        {library.Held{Lost: 1}, "exports and backups"},
		"there is nothing":  {library.Held{}, "check the id"},
	} {
		err := incompleteError(c.held)
		if problem, hint, code := explain(t.Context(), err); problem == "" || !strings.Contains(hint, c.hint) || code != exitIncomplete {
			t.Errorf("%s: %q, %q, %d", name, problem, hint, code)
		}
	}
}
