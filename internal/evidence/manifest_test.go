package evidence

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"veriffs/internal/evidence/bagpath"
)

func TestParseManifest(t *testing.T) {
	sum := strings.Repeat("aB", 64)
	for text, want := range map[string]string{
		sum + "  data/x\n":                      "data/x",
		sum + " *data/x\r\n":                    "data/x",
		sum + "\tdata/x\n":                      "",
		sum + "  data/a%25b\n":                  "data/a%b",
		sum + "  data/a b\n":                    "data/a b",
		sum + "  ../x\n":                        "",
		sum + "  data/../x\n":                   "",
		sum + "  /x\n":                          "",
		sum + "  data/%0Ax\n":                   "",
		sum[2:] + "  data/x\n":                  "",
		"x" + sum + "  data/x\n":                "",
		sum + "\n":                              "",
		sum + "  data/x\n" + sum + "  data/x\n": "",
		sum + "  " + strings.Repeat("x", 2*bagpath.Max) + "\n": "",
	} {
		m, err := parseManifest(strings.NewReader(text), "sha512")
		if (err == nil) != (want != "") {
			t.Errorf("%.150q: %v, %v", text, m, err)
		} else if err == nil && m[want] != strings.ToLower(sum) {
			t.Errorf("%.150q: %v", text, m)
		}
	}
}

// FuzzManifest: a manifest that is read has no path that leads out of a bag, and
// what is written of it is read again.
func FuzzManifest(f *testing.F) {
	sum := strings.Repeat("0", 64)
	f.Add([]byte(sum + "  data/x\n" + sum + " *data/y\n"))
	f.Add([]byte(sum + "  data/%2e%2e/x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(bytes.NewReader(text), "sha256")
		if err != nil {
			return
		}
		ours := make(manifest)
		for path, sum := range m {
			if err := bagpath.Check(path); err != nil {
				t.Error(err)
			}
			if strings.Contains(path, "%") || strings.HasPrefix(path, "*") || strings.TrimLeft(path, " \t") != path || strings.HasSuffix(path, "\r") {
				return // ours have none of these
			}
			ours[path] = sums{"sha256": sum}
		}
		again, err := parseManifest(bytes.NewReader(ours.text("sha256")), "sha256")
		if err != nil || !maps.Equal(again, m) {
			t.Errorf("%v, %v", again, err)
		}
	})
}
