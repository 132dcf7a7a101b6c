package command_test

import (
	"bytes"
	"os/user"
	"strings"
	"testing"
)

// TestHomeAtBoot: without HOME the profiles are those that a person finds.
func TestHomeAtBoot(t *testing.T) {
	w := newKillWorld(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	list := w.command("profile", "list", "--json")
	list.Env = append(list.Env, "HOME=", "XDG_CONFIG_HOME=")
	out, err := list.Output()
	if err != nil || !bytes.Contains(out, []byte(strings.TrimSuffix(me.HomeDir, "/")+"/")) {
		t.Errorf("%v: not in %s\n%s", err, me.HomeDir, out)
	}
}
