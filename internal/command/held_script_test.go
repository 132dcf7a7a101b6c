package command_test

import (
	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/veriff"
)

func init() {
	scriptCommands["deletes"] = deletes
}

// deletes SESSION has the API delete a session by itself, as it does when its time has
// come; deletes on|off switches deletions by request.
func deletes(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "deletes SESSION|on|off")
	s := stateOf(ts)
	switch args[0] {
	case "on", "off":
		s.AllowDeletion(args[0] == "on")
	default:
		id, err := veriff.ParseSessionID(args[0])
		ts.Check(err)
		s.DeleteSession(id)
	}
}
