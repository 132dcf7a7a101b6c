package fs_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"veriffs/cache"
	"veriffs/veriff/sandbox"
)

// TestSizes lists a file with every kind of wrong size: every tool gets all
// of its bytes, and looking at it says how many there are.
func TestSizes(t *testing.T) {
	for _, raw := range []string{"", "0", `"0"`, "-5", `"abc"`, "1e30", "{}", "null", "1", "99999", "100001", "5000000", `"100000"`} {
		t.Run("size "+raw, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{sandbox: small})
			w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.ListSize(raw))
			path, _, content := w.one()
			name := strings.TrimPrefix(path, w.point+"/")
			out := t.TempDir()
			// Looked at first, so that the kernel has the wrong size.
			w.mustShell(`ls -l "$(dirname "$1")"; cp "$1" "$2/cp"; tar -cSf - "$1" | tar -xSOf - >"$2/tar"; cat "$1" >"$2/cat"; rsync "$1" "$2/rsync"; dd if="$1" of="$2/dd" bs=1000 2>/dev/null`, name, out)
			for _, tool := range []string{"cp", "tar", "cat", "rsync", "dd"} {
				if got, err := os.ReadFile(filepath.Join(out, tool)); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s: %d bytes, %v", tool, len(got), err)
				}
			}
			if info, err := os.Stat(path); err != nil || info.Size() != int64(len(content)) {
				t.Errorf("stat: %v, %v", info.Size(), err)
			}
			w.remount()
			if got := strings.TrimSpace(w.mustShell(`stat -c %s "$1"`, name)); got != fmt.Sprint(len(content)) {
				t.Errorf("the size after a remount: %s", got)
			}
			if n := w.Requests().ByKind[sandbox.Media]; n > 3 {
				t.Errorf("%d downloads", n)
			}
		})
	}
}

// TestSizeThatChanges: a list that is wrong only after the file was opened cuts
// nothing, neither for who opens it again nor for who has it open.
func TestSizeThatChanges(t *testing.T) {
	for _, raw := range []string{"10", "5000000", ""} {
		t.Run("size "+raw, func(t *testing.T) {
			w := newWorld(t, worldConfig{sandbox: small, listTTL: time.Nanosecond})
			path, _, content := w.one()
			open, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.ListSize(raw))
			out := filepath.Join(t.TempDir(), "copy")
			listed := w.mustShell(`ls -l "$(dirname "$1")" >/dev/null; stat -c %s "$1"; cp "$1" "$2"`, path, out)
			if size := strings.TrimSpace(listed); size != fmt.Sprint(len(content)) {
				t.Errorf("the size is %s, not %d", size, len(content))
			}
			if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, content) {
				t.Errorf("copied %d bytes of %d, %v", len(got), len(content), err)
			}
			if got, err := io.ReadAll(open); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read %d bytes of %d, %v", len(got), len(content), err)
			}
		})
	}
}

// TestSizeOfAllUnknown: listing names never downloads, even if only a
// download tells the sizes.
func TestSizeOfAllUnknown(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.ListSize(""))
	w.mustShell(`ls -f sessions/*; find sessions -type f`)
	if n := w.Requests().ByKind[sandbox.Media]; n != 0 {
		t.Errorf("%d downloads", n)
	}
}

// TestHostileListing lists what no honest API would.
func TestHostileListing(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	const good = "2b3b3a9f-d73d-445a-aabe-9b41c1c1a2ac"
	const twin = "05cfc122-15d8-4838-bbf1-7b26a736b2d2"
	body := `{"status":"success","images":[
		{"id":"../../../etc/passwd","mimetype":"image/png","size":1},
		{"id":"","mimetype":"image/png","size":1},
		{"id":"a\u0000b","mimetype":"image/png","size":1},
		{"id":"a/b","mimetype":"image/png","size":1},
		{"id":".","mimetype":"image/png"}, {"id":"..","mimetype":"image/png"},
		{"id":"2b3b3a9f-d73d-445a-aabe-9b41c1c1a2a\u0000","mimetype":"image/png"},
		{"id":"00000000-0000-0000-0000-000000000000","mimetype":"image/png","size":1},
		{"id":"` + good + `","mimetype":"../../x","name":"/etc/passwd","context":"../..","size":1e30},
		{"id":"` + strings.ToUpper(good) + `","mimetype":"image/jpeg","size":7},
		{"id":12,"mimetype":{}}, null, 7, "x", [],
		{"id":"` + twin + `","mimetype":"image/jpg","size":"12"},
		{"id":"` + twin + `","mimetype":"image/png","size":-4}
	],"videos":{"id":"x"},"nfcDocuments":null,"unknown":[[[]]]}`
	w.Set(sandbox.Match{Kind: sandbox.SessionMedia}, sandbox.Body(200, "application/json", []byte(body)))
	session := w.SessionIDs()[0].String()
	got := strings.Fields(w.mustShell(`cd "sessions/$1" && ls -a`, session))
	want := []string{".", "..", twin + ".jpg", good + ".bin"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed: %q, want %q", got, want)
	}
}

// TestReplacedBytes: should an id get other bytes, which is not known to
// happen, a file that is fetched again has no page of the old ones.
func TestReplacedBytes(t *testing.T) {
	w := newWorld(t, worldConfig{sandbox: small})
	path, f, content := w.one()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Fatal(len(got), err)
	}
	other := bytes.Repeat([]byte{0x5a}, len(content))
	w.ReplaceMedia(f.ID, other)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("while cached: %d bytes, %v", len(got), err)
	}
	// The kernel tells of the end of an open file later than close returns.
	eventually(t, "the mount has closed the object", func() bool { return w.cache.Stats().Open == 0 })
	w.cache.Remove(cache.Key("media/" + f.ID.String()))
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, other) {
		t.Errorf("after it was fetched again: %d bytes, equal to the old: %v, %v", len(got), bytes.Equal(got, content), err)
	}
}
