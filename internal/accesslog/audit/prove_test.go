package audit_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/accesslog/logtest"
	"veriffs/internal/accesslog/writer"
	"veriffs/internal/installation"
)

// TestProof: a proof has what was chosen and nothing else, holds as JSON elsewhere,
// and no change of it does.
func TestProof(t *testing.T) {
	w := newWorld(t)
	l := w.open(required, func(o *writer.Options) { o.MaxFile = 2000 })
	for range 3 {
		w.Fill(l, 5)
	}
	p, err := l.Prove(accesslog.Filter{Sessions: []string{logtest.Session(3)}})
	if err != nil {
		t.Fatal(err)
	}
	key := w.VerifierKey()
	w.Close(l)
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), logtest.Session(2)) {
		t.Error("the proof names another session")
	}
	if p, err = audit.ParseProof(text); err != nil {
		t.Fatal(err)
	}
	c, err := p.Verify(key)
	if err != nil || len(p.Entries) != 3 || c.Size < 15 {
		t.Fatalf("%+v, %v", c, err)
	}
	records, err := p.Records()
	if err != nil || records[0].Session != logtest.Session(3) || records[0].Caller.Command != "eog" {
		t.Errorf("%+v, %v", records, err)
	}
	// The log grows, and the proof still holds beside it.
	l = w.open()
	w.Fill(l, 3)
	w.Close(l)
	checkpoint := filepath.Join(w.Dir, "proof-checkpoint")
	w.Put("proof-checkpoint", []byte(p.Checkpoint))
	if r := w.Verify(checkpoint); !r.OK() || len(r.Compared) != 3 {
		t.Errorf("%+v", r)
	}

	other, err := installation.Open(filepath.Join(w.Dir, "other", "key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*audit.Proof){
		"record":      func(p *audit.Proof) { p.Entries[1].Record = strings.Replace(p.Entries[1].Record, "eog", "xyz", 1) },
		"number":      func(p *audit.Proof) { p.Entries[1].Sequence++ },
		"order":       func(p *audit.Proof) { p.Entries[0], p.Entries[1] = p.Entries[1], p.Entries[0] },
		"twice":       func(p *audit.Proof) { p.Entries[1] = p.Entries[0] },
		"negative":    func(p *audit.Proof) { p.Entries[0].Sequence = -1 },
		"beyond":      func(p *audit.Proof) { p.Entries[2].Sequence = 1 << 40 },
		"proof":       func(p *audit.Proof) { p.Entries[2].Proof[0][3] ^= 1 },
		"cut proof":   func(p *audit.Proof) { p.Entries[2].Proof = p.Entries[2].Proof[1:] },
		"long proof":  func(p *audit.Proof) { p.Entries[2].Proof = append(p.Entries[2].Proof, tlog.Hash{}) },
		"checkpoint":  func(p *audit.Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n", "0\n", 1) },
		"size":        func(p *audit.Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n1", "\n2", 1) },
		"empty":       func(p *audit.Proof) { p.Checkpoint = "" },
		"two records": func(p *audit.Proof) { p.Entries[0].Record += "\n" + p.Entries[1].Record },
	} {
		changed, err := audit.ParseProof(text)
		if err != nil {
			t.Fatal(err)
		}
		change(changed)
		if _, err := changed.Verify(key); err == nil {
			t.Errorf("%s: still verified", name)
		}
	}
	if _, err := p.Verify(other.VerifierKey(c.Origin)); err == nil {
		t.Error("verified by another key")
	}
	if _, err := p.Verify(w.Key.VerifierKey("veriffs/another")); err == nil {
		t.Error("verified as of another log")
	}

	// A record that was changed in the log is not proven.
	all := allLines(w.State())
	for i := range all {
		if strings.Contains(all[i].text, logtest.Session(3)) {
			all[i].text = strings.Replace(all[i].text, "eog", "xyz", 1)
			break
		}
	}
	w.putLines(all)
	if _, err := audit.Prove(w.Path(), accesslog.Filter{Sessions: []string{logtest.Session(3)}}, w.Key); err == nil {
		t.Error("a changed record was proven")
	}
}

func FuzzParseProof(f *testing.F) {
	w := newWorld(f)
	l := w.open()
	w.Fill(l, 3)
	p, err := l.Prove(accesslog.Filter{Sessions: []string{logtest.Session(1)}})
	if err != nil {
		f.Fatal(err)
	}
	key := w.VerifierKey()
	w.Close(l)
	text, _ := json.Marshal(p)
	f.Add(text)
	f.Add([]byte(`{"format":"veriffs-access-log-proof/1","entries":[{"seq":-1}]}`))
	whole := p.Entries[0].Record
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := audit.ParseProof(text)
		if err != nil {
			return
		}
		if _, err := p.Verify(key); err != nil {
			return
		}
		for _, e := range p.Entries {
			if e.Record != whole {
				t.Errorf("verified %q", e.Record)
			}
		}
	})
}

// TestWrongKey: a key that signed nothing of the log accuses nobody of anything.
func TestWrongKey(t *testing.T) {
	w, _ := small(t)
	other, err := installation.Open(filepath.Join(w.Dir, "other", "key"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(audit.Options{Path: w.Path(), Installation: other})
	if err != nil || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Text, "right one") || len(r.Notes) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
