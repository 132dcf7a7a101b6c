package command_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// process is a program that serves while a script goes on.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed; the state is in cmd.ProcessState
}

// output is what a process writes, with a signal at each write.
type output struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	more  chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes.Write(p)
	close(o.more)
	o.more = make(chan struct{})
	return len(p), nil
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.String(), o.more
}

// wait returns when one of the texts was written, or false when it will not be.
func (p *process) wait(texts ...string) bool {
	has := func(written string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(written, text) })
	}
	late := time.After(patience)
	for {
		written, more := p.output.read()
		if has(written) {
			return true
		}
		select {
		case <-more:
		case <-p.ended:
			written, _ := p.output.read()
			return has(written)
		case <-late:
			return false
		}
	}
}

// start NAME ARG… runs veriffs with these arguments until it says on standard
// error that it is there.
func startProcess(ts *testscript.TestScript, neg bool, args []string) {
	begin(ts, neg, args)
	s := stateOf(ts)
	p := s.started[args[0]]
	sign := "mounted on "
	if args[1] == "webhook" {
		sign = "listening on "
	}
	there := p.wait(sign)
	if arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid)); err == nil {
		s.seen.Write(arguments)
	}
	if !there {
		written, _ := p.output.read()
		ts.Fatalf("%s did not come up:\n%s", args[0], written)
	}
}

// begin NAME ARG… runs veriffs with these arguments and does not wait.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "begin NAME ARG…")
	ts.Check(ts.Exec("env", "-0"))
	environment := strings.Split(strings.TrimRight(ts.ReadFile("stdout"), "\x00"), "\x00")
	program, err := exec.LookPath("veriffs")
	ts.Check(err)
	p := &process{cmd: exec.Command(program, args[1:]...), output: &output{more: make(chan struct{})}, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = ts.MkAbs("."), environment
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.WaitDelay = patience
	ts.Check(p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	stateOf(ts).started[args[0]] = p
}

// end NAME SIGNAL CODE sends a signal and waits for the end, which must be
// with this exit code, or by the signal if CODE is "signal".
func end(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "end NAME INT|TERM|HUP|KILL CODE")
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	ts.Check(stateOf(ts).started[args[0]].cmd.Process.Signal(signals[args[1]]))
	ended(ts, false, []string{args[0], args[2]})
}

// ended NAME CODE waits for the end of a process, which must be with this code.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "ended NAME CODE")
	s := stateOf(ts)
	p := s.started[args[0]]
	select {
	case <-p.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end", args[0])
	}
	delete(s.started, args[0])
	written, _ := p.output.read()
	ts.Logf("[%s]\n%s", args[0], written)
	s.seen.WriteString(written)
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != strings.ReplaceAll(args[1], "signal", "-1") {
		ts.Fatalf("%s ended with %v", args[0], p.cmd.ProcessState)
	}
}
