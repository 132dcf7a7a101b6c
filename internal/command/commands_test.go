package command_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"veriffs/fs/mountpoint"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// scriptCommands are what a script can do beside testscript's own commands.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":   exits,
	"start":   startProcess,
	"begin":   begin,
	"end":     end,
	"ended":   ended,
	"log":     logged,
	"mounted": mounted,
	"same":    same,
	"hold":    hold,
	"api":     api,
	"content": content,
	"secret":  secret,

	"service":  service,
	"notified": notified,
	"post":     post,
	"appears":  appears,
}

func usage(ts *testscript.TestScript, neg bool, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

// exits CODE COMMAND ARG… runs a command, which must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE COMMAND ARG…")
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	s := stateOf(ts)
	fmt.Fprintln(&s.seen, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d", code)
	}
}

// log NAME TEXT waits until a process has written the text; ! log NAME TEXT
// fails if it has.
func logged(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 2, "[!] log NAME TEXT")
	p := stateOf(ts).started[args[0]]
	if neg {
		if written, _ := p.output.read(); strings.Contains(written, args[1]) {
			ts.Fatalf("%s wrote: %s", args[0], args[1])
		}
		return
	}
	if !p.wait(args[1]) {
		written, _ := p.output.read()
		ts.Fatalf("%s did not write %q but\n%s", args[0], args[1], written)
	}
}

// mounted DIR reports whether a veriffs is mounted there; with ! it must not
// be, which is waited for: a process in the background ends by itself.
func mounted(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 1, "[!] mounted DIR")
	point := ts.MkAbs(args[0])
	for deadline := time.Now().Add(patience); ; {
		is := false
		for _, m := range mountpoint.All() {
			is = is || m == point
		}
		switch {
		case is != neg:
			return
		case !neg || time.Now().After(deadline):
			ts.Fatalf("%s: mounted: %v", point, is)
		}
		time.Sleep(10 * time.Millisecond) // the kernel gives no notice
	}
}

// same FILE compares a media file with what the API has under its id; it
// waits for the file to appear.
func same(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "same FILE")
	name := ts.MkAbs(args[0])
	id, err := veriff.ParseMediaID(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	ts.Check(err)
	got, err := os.ReadFile(name)
	ts.Check(err)
	if !bytes.Equal(got, stateOf(ts).Bytes(id)) {
		ts.Fatalf("%s: not the API's bytes", name)
	}
}

// hold FILE keeps a file open until the script ends.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "hold FILE")
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { f.Close() })
}

// api ACTION changes the API: down, up, inactive, active, rotated (signs with
// its second secret), unsigned, forged,
// elsewhere, another (some other web server), proxied (by one that refuses), unsolicited (sends pieces of
// bodies when nothing was asked), garbled (and in place of headers), limited
// (once, for some seconds, after ten requests), shut (once, for a minute),
// failing (with signed errors), out (with unsigned ones), busy (for ever), well
// (ends all from unsigned on).
func api(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "api ACTION")
	s := stateOf(ts)
	switch args[0] {
	case "down":
		s.server.Down()
	case "up":
		ts.Check(s.server.Up())
	case "inactive", "active":
		s.SetActive(args[0] == "active")
	case "rotated":
		s.SignWith(1)
	case "unsigned":
		s.Set(sandbox.Match{}, sandbox.Unsigned())
	case "forged":
		s.Set(sandbox.Match{}, sandbox.SignedWith("somebody else's"))
	case "elsewhere":
		s.Set(sandbox.Match{}, sandbox.Redirect("https://example.com/"))
	case "another":
		s.Set(sandbox.Match{}, sandbox.Body(404, "text/html", []byte("<html>")), sandbox.Unsigned())
	case "proxied":
		s.Set(sandbox.Match{}, sandbox.Body(403, "text/html", []byte("<html>")), sandbox.Unsigned())
	case "unsolicited":
		s.Set(sandbox.Match{}, sandbox.Unsolicited())
	case "garbled":
		s.Set(sandbox.Match{Kind: sandbox.Media}, sandbox.GarbledHeaders())
	case "limited":
		s.Set(sandbox.Match{Skip: 10, Times: 1}, sandbox.Status(429), sandbox.RetryAfter("3"))
	case "shut":
		s.Set(sandbox.Match{Times: 1}, sandbox.Status(429), sandbox.RetryAfter("60"))
	case "failing":
		s.Set(sandbox.Match{}, sandbox.Status(500))
	case "out":
		s.Set(sandbox.Match{}, sandbox.Body(502, "text/html", []byte("<html>")), sandbox.Unsigned())
	case "busy":
		s.Set(sandbox.Match{}, sandbox.Status(429), sandbox.Unsigned())
	case "well":
		s.ClearFaults()
	default:
		ts.Fatalf("api can't be made %s", args[0])
	}
}

// service makes the processes that are started from now on children of a
// service manager.
func service(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "service")
	name := ts.MkAbs("notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	stateOf(ts).manager = conn
	ts.Setenv("NOTIFY_SOCKET", name)
}

// notified STATE… waits for what the service manager is told next, in one message. What
// its watchdog is told goes by unless that is waited for.
func notified(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1, "notified STATE…")
	conn := stateOf(ts).manager
	ts.Check(conn.SetReadDeadline(time.Now().Add(patience)))
	message := make([]byte, 1024)
	for want := strings.Join(args, "\n"); ; {
		n, err := conn.Read(message)
		ts.Check(err)
		switch got := strings.TrimSpace(string(message[:n])); got {
		case want:
			return
		case "WATCHDOG=1":
		default:
			ts.Fatalf("the service manager was told %q", got)
		}
	}
}

// post NAME KIND CODE [SESSION] sends a webhook to a receiver, which must
// answer with this status. KIND is event, decision, or one of the bad ones:
// unsigned, forged, key (of another integration), large, nonsense.
func post(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 4, "post NAME KIND CODE SESSION")
	s := stateOf(ts)
	written, _ := s.started[args[0]].output.read()
	url := regexp.MustCompile(`listening on (http://\S+)`).FindStringSubmatch(written)
	if url == nil {
		ts.Fatalf("%s does not listen", args[0])
	}
	session, key, secret := args[3], s.APIKey, s.Secrets()[0]
	body := fmt.Sprintf(`{"id":%q,"attemptId":"11111111-1111-4111-8111-111111111111","feature":"selfid","code":7002,"action":"submitted"}`, session)
	switch args[1] {
	case "event", "unsigned":
	case "decision":
		body = fmt.Sprintf(`{"status":"success","verification":{"id":%q,"code":9001,"status":"approved","person":{"firstName":"A"}}}`, session)
	case "forged":
		secret = "somebody else's"
	case "key":
		key = "00000000-0000-4000-8000-000000000000"
	case "large":
		body += strings.Repeat(" ", 10<<20)
	case "nonsense":
		body = "nonsense"
	default:
		ts.Fatalf("no webhook is %s", args[1])
	}
	request, err := http.NewRequest(http.MethodPost, url[1]+"/hook", strings.NewReader(body))
	ts.Check(err)
	request.Header.Set("X-AUTH-CLIENT", key)
	if args[1] != "unsigned" {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		request.Header.Set("X-HMAC-SIGNATURE", hex.EncodeToString(mac.Sum(nil)))
	}
	reply, err := http.DefaultClient.Do(request)
	ts.Check(err)
	reply.Body.Close()
	if strconv.Itoa(reply.StatusCode) != args[2] {
		ts.Fatalf("answered %s", reply.Status)
	}
}

// appears DIR NAME waits until a directory's listing has a name; ! appears
// DIR NAME until it does not have it.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, len(args) == 2, "[!] appears DIR NAME")
	for deadline := time.Now().Add(patience); ; {
		entries, err := os.ReadDir(ts.MkAbs(args[0]))
		ts.Check(err)
		there := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == args[1] })
		switch {
		case there != neg:
			return
		case time.Now().After(deadline):
			ts.Fatalf("in %s, %s: %v", args[0], args[1], there)
		}
		time.Sleep(10 * time.Millisecond) // a listing gives no notice
	}
}
