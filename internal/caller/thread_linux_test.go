package caller

import "testing"

func TestGroup(t *testing.T) {
	for lines, want := range map[string]string{
		"0::/user.slice/session-1.scope\n":             "/user.slice/session-1.scope",
		"9:name=systemd:/a\n4:memory:/b\n0::/c:d\n":    "/c:d",
		"12:memory:/docker/1\n1:name=systemd:/other\n": "/docker/1",
		"0::/\n": "/",
		"":       "",
		"x\n":    "",
	} {
		if got := string(group([]byte(lines))); got != want {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
	}
}
