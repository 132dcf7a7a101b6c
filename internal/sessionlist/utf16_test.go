package sessionlist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// wide is the tests' own idea of UTF-16 with a byte order mark.
func wide(order binary.AppendByteOrder, text string) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

var orders = map[string]binary.AppendByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian}

func TestReadUTF16(t *testing.T) {
	for name, order := range orders {
		for _, tt := range []struct {
			text string
			want []int
			bad  []int
		}{
			{"", nil, nil},
			{"# nothing yet\r\n", nil, nil},
			{"@1\n@2", []int{1, 2}, nil},
			{"Vorname;Nachname;Session ID\r\nZoë;Müller;@1\r\n田中;😀;@2\r\n\"a\nb\";x;@3\r\n", []int{1, 2, 3}, nil},
			{"name\tsession id\n😀\tnone\n😀\t@2\n", []int{2}, []int{2}},
			{"{\"id\":\"@1\",\"name\":\"😀\"}\n", []int{1}, nil},
			{strings.Repeat("😀", maxLine/3) + "\n@1\n", []int{1}, []int{1}}, // parted within a character
		} {
			var bad []int
			got, err := Read(bytes.NewReader(wide(order, fill(tt.text))), func(line int, _ string) { bad = append(bad, line) })
			if err != nil {
				t.Errorf("%s: %.40q: %v", name, tt.text, err)
			}
			if diff := cmp.Diff(ids(tt.want...), got) + cmp.Diff(tt.bad, bad); diff != "" {
				t.Errorf("%s: %.40q: %s", name, tt.text, diff)
			}
		}
	}
	for _, text := range []string{"\xff\xfe\x00\x00@\x00\x00\x00", "@\x00\n\x00"} { // UTF-32, and no mark
		if _, err := Read(strings.NewReader(text), nil); !errors.Is(err, ErrNotText) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestEditUTF16 checks that a file stays in its encoding, and every other byte
// what it is.
func TestEditUTF16(t *testing.T) {
	const lone = "\ue000" // stands for half of a pair, which no encoder writes
	for name, order := range orders {
		encode := func(text string) []byte {
			return bytes.ReplaceAll(wide(order, fill(text)), order.AppendUint16(nil, 0xe000), order.AppendUint16(nil, 0xd83d))
		}
		for _, tt := range []struct{ before, after, rest string }{
			{"", "@1\n@2\n", "@2\n"},
			{"# 😀 " + lone + "\r\n@1\r\n", "# 😀 " + lone + "\r\n@1\r\n@2\r\n", "# 😀 " + lone + "\r\n@2\r\n"},
			{"Müller😀\n@1 # 田中\n@3", "Müller😀\n@1 # 田中\n@3\n@2\n", "Müller😀\n@3\n@2\n"},
			{"name;session id;x\nZoë;@3;\n😀" + lone + ";@1;" + lone + "\n", "name;session id;x\nZoë;@3;\n😀" + lone + ";@1;" + lone + "\n;@2;\n", "name;session id;x\nZoë;@3;\n;@2;\n"},
		} {
			file := filepath.Join(t.TempDir(), "sessions")
			must(t, os.WriteFile(file, encode(tt.before), 0o600))
			f := NewFile(file)
			check := func(what, want string, err error) {
				t.Helper()
				must(t, err)
				got, err := os.ReadFile(file)
				must(t, err)
				if diff := cmp.Diff(encode(want), got); diff != "" {
					t.Errorf("%s, %q: %s: %s", name, tt.before, what, diff)
				}
			}
			missing := []int{1, 2}
			if strings.Contains(tt.before, "@1") {
				missing = []int{2}
			}
			n, err := f.Add(t.Context(), ids(1, 2))
			check("add", tt.after, err)
			if n != len(missing) {
				t.Errorf("%d added", n)
			}
			_, err = f.Add(t.Context(), ids(2, 1))
			check("add again", tt.after, err)
			_, err = f.Remove(t.Context(), ids(1))
			check("remove", tt.rest, err)
		}

		file := filepath.Join(t.TempDir(), "cut")
		half := append(encode("@1\n@3\nx"), 'x')
		must(t, os.WriteFile(file, half, 0o600))
		if _, err := NewFile(file).Add(t.Context(), ids(2)); !errors.Is(err, errHalf) {
			t.Errorf("%s: added after half of a character: %v", name, err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, half) {
			t.Errorf("%s: changed: %q, %v", name, got, err)
		}
		n, err := NewFile(file).Remove(t.Context(), ids(1))
		must(t, err)
		if got, err := os.ReadFile(file); n != 1 || err != nil || !bytes.Equal(got, append(encode("@3\nx"), 'x')) {
			t.Errorf("%s: %d removed: %q, %v", name, n, got, err)
		}
	}
}
