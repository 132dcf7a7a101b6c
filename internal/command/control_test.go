package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func init() {
	scriptCommands["asked"] = asked
	scriptCommands["broken"] = broken
	scriptCommands["interrupted"] = interrupted
	scriptCommands["holds"] = holds
}

// asked N [KIND] fails unless the API was asked N times (for files: media)
// since this was last looked at; asked - only begins to count.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 || len(args) == 2, "asked N|- [KIND]")
	s := stateOf(ts)
	counts := s.Requests()
	s.ResetRequests()
	n := counts.Total
	if len(args) == 2 {
		n = counts.ByKind[sandbox.Kind(args[1])]
	}
	if args[0] != "-" && strconv.Itoa(n) != args[0] {
		ts.Fatalf("the API was asked %d times: %v", n, counts.ByKind)
	}
}

// broken FILE makes the API answer for a file with a forged signature.
func broken(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "broken FILE")
	name := args[0][strings.LastIndex(args[0], "/")+1:]
	id, err := veriff.ParseMediaID(strings.TrimSuffix(name, ".jpg"))
	ts.Check(err)
	stateOf(ts).Set(sandbox.Match{Kind: sandbox.Media, ID: id.String()}, sandbox.SignedWith("somebody else's"))
}

// interrupted N ARG… runs veriffs with these arguments and interrupts it at a
// moment when all files but the first N hang. It must say so and end with 1.
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "interrupted N ARG…")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := stateOf(ts)
	hanging := s.Set(sandbox.Match{Kind: sandbox.Media, Skip: n}, sandbox.Stall(1))
	defer s.ClearFaults()
	program, err := exec.LookPath("veriffs")
	ts.Check(err)
	ts.Check(ts.Exec("env", "-0"))
	var out bytes.Buffer
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), strings.Split(strings.TrimRight(ts.ReadFile("stdout"), "\x00"), "\x00")
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(cmd.Start())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	waited := hanging.Wait(ctx, 1)
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	cmd.Wait()
	ts.Check(waited)
	ts.Logf("%s", out.String())
	if !strings.Contains(out.String(), "veriffs: interrupted\nhint: ") || cmd.ProcessState.ExitCode() != 1 {
		ts.Fatalf("%v", cmd.ProcessState)
	}
}

// holds FILE PATH VALUE looks into a JSON file: PATH is names and numbers with
// dots between them, and count is that of a list.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 3, "[!] holds FILE PATH VALUE")
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for name := range strings.SplitSeq(args[1], ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			if name == "count" {
				v = len(in)
				continue
			}
			i, err := strconv.Atoi(name)
			ts.Check(err)
			if i >= len(in) {
				ts.Fatalf("%s: there is no %s", args[1], name)
			}
			v = in[i]
		default:
			ts.Fatalf("%s: nothing has a %s", args[1], name)
		}
	}
	got, err := json.Marshal(v)
	ts.Check(err)
	if text := strings.Trim(string(got), `"`); (text == os.Expand(args[2], ts.Getenv)) == neg {
		ts.Fatalf("%s is %s", args[1], text)
	}
}
