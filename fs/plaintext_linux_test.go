package fs_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/veriff/sandbox"
)

// TestNoPlaintext reads everything there is through a mount and then looks for
// it in the cache's directory: for any 16 bytes in a row of any file, listing
// or document, and for every id in every form, in contents and in names.
func TestNoPlaintext(t *testing.T) {
	w := newWorld(t, worldConfig{})
	w.mustShell(`find . -type f -exec cat {} + >/dev/null`)
	var size int64
	for name, content := range w.files() {
		size += int64(len(content))
		if n := w.requests(func() {
			if got, err := os.ReadFile(w.path(name)); err != nil || len(got) != len(content) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}); n != 0 {
			t.Errorf("%s is not in the cache: nothing is proved", name)
		}
	}

	l := newLeaks(w.Sandbox)
	look := func(when string) {
		found, looked := l.scan(t, w.dir)
		for _, leak := range found {
			t.Errorf("%s: %s", when, leak)
		}
		if looked < size {
			t.Errorf("%s: %d bytes were looked through, the files have %d", when, looked, size)
		}
	}
	look("mounted")
	w.down()
	look("unmounted")

	session := w.Sessions()[0]
	f := session.Attempts[0].Media[0]
	content, listing := w.Bytes(f.ID), w.Document(sandbox.SessionMedia, session.ID)
	noise := strings.Repeat("\x8f\x3b\xc1", 100)
	for what, planted := range map[string]struct{ name, content string }{
		"part of a file":    {"planted", noise + string(content[12345:12361]) + noise},
		"a file's end":      {"planted", noise + string(content[len(content)-22:])},
		"a listing":         {"planted", noise + string(listing[33:49])},
		"an id":             {"planted", noise + session.ID.String()},
		"an id in capitals": {"planted", strings.ToUpper(session.Attempts[0].ID.String()) + noise},
		"an id in binary":   {"planted", noise + string(f.ID[:]) + noise},
		"an id as a name":   {f.ID.String() + ".tmp", noise},
		"... in capitals":   {strings.ToUpper(session.ID.String()), noise},
		"... without signs": {strings.ReplaceAll(f.ID.String(), "-", ""), noise},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, planted.name), []byte(planted.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, _ := l.scan(t, dir); len(found) == 0 {
			t.Errorf("%s was planted and not found", what)
		}
	}
}

// leaks is what must not be found.
type leaks struct {
	texts []byte // one after the other

	// Eight bytes at every eighth place of each text: whoever has 16 bytes in a
	// row of it has one of these whole.
	windows map[uint64]string // and what they are of
	sieve   []uint64          // a bit for the hash of each window: most bytes need no look into the map
	names   []string          // in lower case
}

const sieveBits = 26

func sieveBit(window uint64) (word int, bit uint64) {
	hash := window * 0x9e3779b97f4a7c15 >> (64 - sieveBits)
	return int(hash / 64), 1 << (hash % 64)
}

func newLeaks(s *sandbox.Sandbox) *leaks {
	l := &leaks{windows: make(map[uint64]string), sieve: make([]uint64, 1<<sieveBits/64)}
	for _, session := range s.Sessions() {
		l.addID(session.ID.String())
		for _, kind := range []sandbox.Kind{sandbox.SessionMedia, sandbox.SessionAttempts, sandbox.Decision, sandbox.PersonData, sandbox.Watchlist} {
			l.add(fmt.Sprint(kind, " of ", session.ID), s.Document(kind, session.ID))
		}
		for _, a := range session.Attempts {
			l.addID(a.ID.String())
			l.add("the media of attempt "+a.ID.String(), s.Document(sandbox.AttemptMedia, a.ID))
			for _, f := range a.Media {
				l.addID(f.ID.String())
				l.add("media "+f.ID.String(), s.Bytes(f.ID))
			}
		}
	}
	return l
}

func (l *leaks) add(what string, text []byte) {
	l.texts = append(l.texts, text...)
	for ; len(text) >= 8; text = text[8:] {
		window := binary.BigEndian.Uint64(text)
		l.windows[window] = what
		word, bit := sieveBit(window)
		l.sieve[word] |= bit
	}
}

// addID adds the forms in which an id could be written.
func (l *leaks) addID(id string) {
	plain := strings.ReplaceAll(id, "-", "")
	raw, err := hex.DecodeString(plain)
	if err != nil {
		panic(err)
	}
	for _, form := range []string{id, strings.ToUpper(id), plain, strings.ToUpper(plain), string(raw)} {
		l.add("the id "+id, []byte(form))
	}
	l.names = append(l.names, id, plain)
}

// has reports whether 16 bytes in a row, of which those from here are eight,
// are in the texts. "Signature", which both have, is not enough.
func (l *leaks) has(content []byte, from int) bool {
	for start := max(0, from-8); start <= from && start+16 <= len(content); start++ {
		if bytes.Contains(l.texts, content[start:start+16]) {
			return true
		}
	}
	return false
}

// scan looks for all of it below a directory, and returns what it found and
// how many bytes it looked through.
func (l *leaks) scan(t *testing.T, dir string) (found []string, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, name := range l.names {
			if strings.Contains(strings.ToLower(d.Name()), name) {
				found = append(found, path+": named by an id")
			}
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		size += int64(len(content))
		var window uint64
		for i, b := range content {
			window = window<<8 | uint64(b)
			if word, bit := sieveBit(window); i < 7 || l.sieve[word]&bit == 0 {
				continue
			}
			if what, ok := l.windows[window]; ok && l.has(content, i-7) {
				found = append(found, fmt.Sprintf("%s has a part of %s before byte %d", path, what, i+1))
				break // one is enough
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, size
}
