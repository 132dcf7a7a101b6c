package anchor

import "testing"

func TestParseAnchor(t *testing.T) {
	for _, text := range []string{"", "syslog", "syslog:x", "exec:", "file:", "s3://bucket", "tape:x"} {
		if a, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, a)
		}
	}
	for _, text := range []string{"syslog:", "exec:cat", "file:/tmp/x"} {
		if a, err := Parse(text); err != nil || a.Name() != text {
			t.Errorf("%q is %v, %v", text, a, err)
		}
	}
}
