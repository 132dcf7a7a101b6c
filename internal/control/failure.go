package control

import (
	"context"
	"errors"

	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// failure is an error as the server sends it to the client: its text, and its
// kind, if callers distinguish that.
type failure struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"`
}

// kinds are the errors that a client can recognise with errors.Is. An error that is
// several of them is the first.
var kinds = []struct {
	name string
	err  error
}{
	{"uncertain", veriff.ErrUncertain}, // which has a reason of its own kind
	{"held", library.ErrHeld},
	{"bad request", errRequest},
	{"not found", library.ErrNotFound},
	{"offline", library.ErrOffline},
	{"refused", veriff.ErrRefused},
	{"unreachable", veriff.ErrUnreachable},
	{"signature", veriff.ErrSignature},
	{"server", veriff.ErrServer},
	{"rate limited", veriff.ErrRateLimited},
	{"not an id", veriff.ErrNotUUID},
	{"cancelled", context.Canceled},
	{"no hold", library.ErrNoHold},
	{"ephemeral", library.ErrEphemeral},
	{"no team", library.ErrNoTeam},
	{"clock", library.ErrClock},
	{"hold elsewhere", library.ErrElsewhere},
	{"team holds", library.ErrTeamHolds},
	{"team down", warming.ErrTeamDown},
	{"no deletion", veriff.ErrNotDeletable},
	{"not recorded", ErrNotRecorded},
}

var (
	errRequest = errors.New("control: malformed request")
	// ErrNoAnswer says that a mount did not answer, or not to the end.
	ErrNoAnswer = errors.New("does not answer")
	// ErrNotRecorded says that a command was done and is not in the access log.
	ErrNotRecorded = errors.New("it was done, but could not be recorded")
)

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			f.Kind = k.name
			break
		}
	}
	return f
}

func (f *failure) Error() string { return f.Text }

func (f *failure) Unwrap() error {
	for _, k := range kinds {
		if k.name == f.Kind {
			return k.err
		}
	}
	return nil
}

// err returns f as an error that is nil when f is.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	return f
}
