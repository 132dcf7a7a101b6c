package sessionlist

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

// seeds are files of every form, whole and damaged.
var seeds = []string{
	"", "\xef\xbb\xbf", "@1", "@1\r\n# c\r\n@2 # d, e\r\n", "@1\nHello, world\n@2", "no id, no id\n",
	"name,session id\nx,@1\n\"y\n,\",@2", "7;@1;!\n\"8;@2;!\n9;@3;!", "\t@1\n\t@2", "session_id", "a,b\nc,d\n",
	`{"id":"@1"}`, "{\"id\":\"@1\"}\n{\"id\":\"@2\",", "{\"verification\":", "{\"verification\":\n{\"id\":\"@1\"}}", "[{\"id\":\"@1\"},\n\"@2\", 1e5, [true]]",
	"{\"id\":\"@1\"} {\"id\":\"@2\"}", "@1\n{\n\"id\":\"@2\"\n}\n", "@1,@2\nx,@3\n", "\"@1\"\n\"x\",\"@2", "[\n", "{\"id\":\"@1\"},\n@2\n",
	string(wide(binary.LittleEndian, "x;id\r\n😀;"+id(1).String()+"\r\n")), string(wide(binary.BigEndian, id(1).String()+"\n# é")) + "x",
}

func read(t *testing.T, content []byte) ([]veriff.SessionID, error) {
	t.Helper()
	return Read(bytes.NewReader(content), func(line int, reason string) {
		if lines := bytes.Count(content, []byte("\n")) + 1; line < 1 || line > lines {
			t.Errorf("line %d of %d is bad: %s", line, lines, reason)
		}
	})
}

// FuzzRead checks that whatever is read comes from the text.
func FuzzRead(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(fill(s)))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		ids, err := read(t, content)
		if err != nil && ids != nil {
			t.Error("ids beside an error")
		}
		if !slices.IsSortedFunc(ids, veriff.SessionID.Compare) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Error("not sorted or not unique")
		}
		if bytes.ContainsAny(content, `\`) {
			return // a JSON string may spell an id in escapes
		}
		lower := bytes.ToLower(bytes.ReplaceAll(content, []byte{0}, nil)) // UTF-16, perhaps
		for _, id := range ids {
			if !bytes.Contains(lower, []byte(id.String())) {
				t.Errorf("%s is not in the text", id)
			}
		}
	})
}

// FuzzJSON checks that a JSON text gives the ids that decoding it as a whole
// gives, however it is spread over lines.
func FuzzJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(fill(s)))
	}
	f.Add([]byte(fill(`[{"a":"\u00e9\\\"","b":[-1.5e+7,null,{"c":{}}]},[[]],[{"id":"@1"},"@3"],{"verification":{"id":"@2"}},0]`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if text = bytes.TrimSpace(text); !json.Valid(text) || text[0] != '{' && text[0] != '[' {
			return
		}
		var want []veriff.SessionID
		wrong := decodeValue(text, maxDepth, func(id veriff.SessionID) { want = append(want, id) })
		if errors.Is(wrong, errTooDeep) {
			return
		}
		for _, spread := range []string{"\n", "\r\n", " "} {
			// Line breaks may stand where blanks may.
			var indented bytes.Buffer
			if err := json.Indent(&indented, text, "", "\t"); err != nil {
				t.Fatal(err)
			}
			spread := bytes.ReplaceAll(indented.Bytes(), []byte("\n"), []byte(spread))
			got, err := read(t, spread)
			if len(want) == 0 && wrong != nil && err == nil {
				t.Error("nothing is said of a text without an id")
			}
			if diff := cmp.Diff(sorted(slices.Clone(want)), got); len(want) > 0 && diff != "" {
				t.Errorf("%q: %s", spread, diff)
			}
		}
	})
}

// FuzzEdit checks that what was added is read, and that what was removed is
// not, whatever was in the file before; and that everything else stays.
func FuzzEdit(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(fill(s)))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		name := filepath.Join(t.TempDir(), "sessions")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		before, errBefore := read(t, content)
		file := NewFile(name)
		added := ids(100, 101)
		n, err := file.Add(context.Background(), added)
		if err != nil {
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, content) {
				t.Errorf("changed though adding failed: %q, %v", got, err)
			}
			return
		}
		if errBefore != nil {
			t.Fatal("added to a file that can't be read")
		}
		if want := len(missing(added, before)); n != want {
			t.Errorf("%d added, want %d", n, want)
		}
		after, err := ReadFile(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sorted(slices.Concat(before, added)), after); diff != "" {
			got, _ := os.ReadFile(name)
			t.Fatalf("%q:\n%s", got, diff)
		}
		if n, err := file.Add(context.Background(), added); n != 0 || err != nil {
			t.Errorf("added again: %d, %v", n, err)
		}
		if _, err := NewFile(name).Remove(context.Background(), added); err != nil {
			return // the lines are not their own
		}
		after, err = ReadFile(name, nil)
		if err != nil && len(before) > 0 {
			t.Fatal(err)
		}
		if diff := cmp.Diff(missing(before, added), after); diff != "" {
			t.Errorf("after removal: %s", diff)
		}
	})
}
