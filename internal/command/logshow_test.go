package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"veriffs/internal/accesslog"
)

// TestTableEscapes: a program can't make the table show what is not so by its name.
func TestTableEscapes(t *testing.T) {
	for name, want := range map[string]string{
		"eog":             "eog",
		"Datei Öffner":    "Datei Öffner",
		"a\nb":            `a\nb`,
		"\x1b[2Kroot":     `\x1b[2Kroot`,
		"\u202egnp.exe":   `\u202egnp.exe`,
		"a\u200bb":        `a\u200bb`,
		"a\u00a0b":        `a\u00a0b`,
		`a\nb`:            `a\\nb`,
		"\u2066x\u2069\a": `\u2066x\u2069\a`,
		"\u3164":          `\u3164`,
		"a\x9bb\ufffd":    `a\x9bb` + "\ufffd",
		"a\u202eb\u009bc": `a\u202eb\u009bc`,
	} {
		if got := plain(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
		var b bytes.Buffer
		if err := tableRow(&b)(&accesslog.Record{Operation: accesslog.OpOpen, Caller: &accesslog.Caller{Command: name}}, nil); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 2 || strings.ContainsAny(b.String(), "\x1b\a\u202e") {
			t.Errorf("%q", b.String())
		}
	}
}

// TestJSONEscapes: nor by JSON, which means the same with and without the escapes.
func TestJSONEscapes(t *testing.T) {
	for _, name := range []string{"eog", `a\nb`, "Datei Öffner", "\u009b2J", "\u202egnp", "\U000e0041x", "a\x9bb", "\u3164"} {
		line := []byte(`{"comm":"` + strings.ReplaceAll(name, `\`, `\\`) + `"}`)
		got := plainJSON(line)
		if strings.ContainsFunc(string(got), deceives) || !utf8.Valid(got) {
			t.Errorf("%q", got)
		}
		var before, after map[string]string
		if err := errors.Join(json.Unmarshal(line, &before), json.Unmarshal(got, &after)); err != nil || before["comm"] != after["comm"] {
			t.Errorf("%q became %q: %v", before, after, err)
		}
	}
}

// TestOCSF: an event has what class 1001 requires, and loses nothing of the record but
// the salt.
func TestOCSF(t *testing.T) {
	r := accesslog.Record{Sequence: 7, Time: time.Unix(1, 5e6), Host: "h", Version: "1", Mountpoint: "/m", Operation: accesslog.OpOpen, Outcome: accesslog.Failed,
		Errno: "EIO", Error: "why", Session: "s", Media: "f", Context: "face", SHA256: "ab", Size: 3, From: accesslog.FromAPI, Salt: "secret",
		Caller: &accesslog.Caller{UID: 5, LoginUID: 6, AuditID: 9, TID: 3, PID: 2, PPID: 1, Command: "eog", Executable: "/usr/bin/eog", Unknown: []string{"cgroup"}}}
	text, err := json.Marshal(ocsfEvent(&r))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"class_uid":1001`, `"category_uid":1`, `"activity_id":14`, `"type_uid":100114`, `"time":1005`, `"severity_id":3`, `"status_id":2`, `"status_code":"EIO"`, `"status_detail":"why"`,
		`"sequence":7`, `"version":"1.2.0"`, `"hostname":"h"`, `"pid":2`, `"tid":3`, `"parent_process":{"pid":1}`, `"path":"/usr/bin/eog"`, `"user":{"uid":"5"}`, `"session":{"uid":"9"}`,
		`"name":"f"`, `"parent_folder":"/m/sessions/s"`, `"value":"ab"`, `"size":3`, `"context":"face"`, `"from":"api"`, `"loginuid":6`, `"unknown":["cgroup"]`, `"session":"s"`,
	} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if bytes.Contains(text, []byte("secret")) {
		t.Errorf("the salt is in %s", text)
	}
	for op, id := range map[accesslog.Operation]int{accesslog.OpMount: 12, accesslog.OpUnmount: 13, accesslog.OpPurge: 4, accesslog.OpHeartbeat: 99} {
		r := accesslog.Record{Operation: op, Outcome: accesslog.Success, Mountpoint: "/m"}
		if e := ocsfEvent(&r); e["activity_id"] != id || e["type_uid"] != 100100+id || e["file"].(object)["name"] != "m" {
			t.Errorf("%s: %v", op, e)
		}
	}
}

// TestUnknownIsNotRoot: what could not be read of a process is zero in its record, and
// is shown as nothing, least of all as root.
func TestUnknownIsNotRoot(t *testing.T) {
	r := accesslog.Record{Operation: accesslog.OpOpen, Outcome: accesslog.Success, Session: "s",
		Caller: &accesslog.Caller{UID: 1 << 30, Unknown: []string{"pid", "ppid", "comm", "loginuid", "audit_session"}}}
	var table bytes.Buffer
	if err := tableRow(&table)(&r, nil); err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(ocsfEvent(&r)["actor"])
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{table.String(), string(event)} {
		if !strings.Contains(shown, "1073741824") || strings.Contains(shown, "root") || strings.Contains(shown, `pid":0`) {
			t.Errorf("shown as %s", shown)
		}
	}
	if f := (accesslog.Filter{UIDs: []uint32{0}}); f.Match(&r) {
		t.Error("found as root's")
	}
	r.Caller.Unknown = nil
	if f := (accesslog.Filter{UIDs: []uint32{0}}); !f.Match(&r) {
		t.Error("not found as of root's login")
	}
}

// TestOCSFPlaces: a path is that of what the event is about, or there is none.
func TestOCSFPlaces(t *testing.T) {
	for _, c := range []struct {
		record             accesslog.Record
		name, path, folder any
	}{
		{accesslog.Record{Mountpoint: "/m", Session: "s", Media: "f"}, "f", nil, "/m/sessions/s"},
		{accesslog.Record{Mountpoint: "/m", Session: "s", Document: "decision.json"}, "decision.json", "/m/metadata/s/decision.json", nil},
		{accesslog.Record{Mountpoint: "/m", Session: "s"}, "s", "/m/sessions/s", nil},
		{accesslog.Record{Mountpoint: "/m"}, "m", "/m", nil},
		{accesslog.Record{Session: "s", Document: "decision.json"}, "decision.json", nil, nil},
		{accesslog.Record{}, "unknown", nil, nil},
	} {
		if f := ocsfFile(&c.record); f["name"] != c.name || f["path"] != c.path || f["parent_folder"] != c.folder {
			t.Errorf("%+v: %v", c.record, f)
		}
	}
}
