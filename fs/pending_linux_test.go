package fs

import "testing"

// TestDeadlyPending: which pending signals end a wait.
func TestDeadlyPending(t *testing.T) {
	const none = "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000006\n"
	for name, c := range map[string]struct {
		status string
		want   bool
	}{
		"nothing":                   {none, false},
		"SIGKILL":                   {"SigPnd:\t0000000000000100\n", true},
		"SIGKILL, to the process":   {"ShdPnd:\t0000000000000100\n", true},
		"SIGHUP":                    {"ShdPnd:\t0000000000000001\n", true},
		"SIGINT":                    {"ShdPnd:\t0000000000000002\n", true},
		"SIGQUIT":                   {"SigPnd:\t0000000000000004\n", true},
		"SIGTERM":                   {"SigPnd:\t0000000000004000\n", true},
		"SIGINT among others":       {"ShdPnd:\t0000000000410002\n", true},
		"SIGINT, blocked":           {"ShdPnd:\t0000000000000002\nSigBlk:\t0000000000000002\n", false},
		"SIGINT, SIGTERM blocked":   {"ShdPnd:\t0000000000000002\nSigBlk:\t0000000000004000\n", true},
		"SIGKILL, if it could be":   {"SigPnd:\t0000000000000100\nShdPnd:\t0000000000000002\nSigBlk:\t0000000000000002\n", true},
		"SIGURG":                    {"SigPnd:\t0000000000400000\n", false},
		"SIGCHLD":                   {"ShdPnd:\t0000000000010000\n", false},
		"SIGWINCH":                  {"ShdPnd:\t0000000008000000\n", false},
		"SIGALRM":                   {"ShdPnd:\t0000000000002000\n", false},
		"SIGPROF":                   {"ShdPnd:\t0000000004000000\n", false},
		"SIGTSTP, SIGCONT, SIGTTIN": {"ShdPnd:\t00000000001a0000\n", false},
		"SIGUSR1":                   {"ShdPnd:\t0000000000000200\n", false},
		"nonsense":                  {"SigPnd: x\nSigPnd\n", false},
	} {
		if got := deadlyPending([]byte(c.status)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
