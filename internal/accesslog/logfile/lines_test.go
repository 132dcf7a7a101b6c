package logfile

import (
	"strings"
	"testing"

	"veriffs/internal/accesslog"
)

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"seq":3,"erased_by":9}`))
	f.Add([]byte(`{"seq":3,"op":"open"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		n := SequenceOf(line)
		if by, ok := ParseStub(line); ok && string(Stub(n, by)) != string(line) {
			t.Errorf("%q is a stub of %d by %d", line, n, by)
		}
		if r, err := ParseRecord(line); err == nil && n >= 0 && int64(r.Sequence) != n && !strings.Contains(strings.ToLower(string(line[7:])), `seq`) && !strings.Contains(string(line), `\u`) {
			t.Errorf("%q: %d and %d", line, n, r.Sequence)
		}
		Choose(&accesslog.Filter{Sessions: []string{"a"}}, line)
	})
}
