package command

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNamesOfArguments with mount points that are not there: whatever looked
// at them would fail.
func TestNamesOfArguments(t *testing.T) {
	const (
		id   = "9a042d5f-8b8e-43ec-903f-e56e4948bbfb"
		file = "3992712b-9d4a-498e-b190-d274c9b479e6.jpg"
	)
	work, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one, inner := filepath.Join(work, "one"), filepath.Join(work, "one", "sessions", "inner")
	two := filepath.Join(work, "two")
	for name, target := range map[string]string{
		"link": "one", "deep": "chain/by-context", "chain": work + "/link/", "case": "link/sessions/" + id, "loop": "loop", "up": "../" + filepath.Base(work) + "/two",
	} {
		if err := os.Symlink(target, filepath.Join(work, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ directory, arg, name, mount string }{
		{"", id, id, ""},
		{"", "9A042D5F-8B8E-43EC-903F-E56E4948BBFB", id, ""},
		{"", "one/sessions/" + id, "sessions/" + id, one},
		{"", "./one//sessions/" + id + "/", "sessions/" + id, one},
		{"", one + "/attempts/" + id + "/" + file, "attempts/" + id + "/" + file, one},
		{"", "link/metadata/" + id, "metadata/" + id, one},
		{"", "deep/" + id + "/face.jpg", "by-context/" + id + "/face.jpg", one},
		{"", "case/" + file, "sessions/" + id + "/" + file, one},
		{"", "case/../" + id, "sessions/" + id, one},
		{"", "one/../up/sessions/" + id, "sessions/" + id, two},
		{"", "one/sessions/inner/sessions/" + id, "sessions/" + id, inner},
		{"one/sessions", id, id, ""},
		{"one/attempts", id, "attempts/" + id, one},
		{"one/sessions/" + id, file, "sessions/" + id + "/" + file, one},
		{"one/sessions/" + id, ".", "sessions/" + id, one},
		{"one/sessions/" + id, "../../by-context/" + id + "/face-2.jpg", "by-context/" + id + "/face-2.jpg", one},
		{"one/by-context", id + "/face.jpg", "by-context/" + id + "/face.jpg", one},
		// What is no mount names what it is called like.
		{"", "three/sessions/" + id, id, ""},
		{"", id + ".jpg", id, ""},
		{"", "onemore/sessions/" + id, id, ""},
		// And these name nothing.
		{"", "passport", "", ""},
		{"", "", "", ""},
		{"", "loop/" + id, "", ""},
		{"", "one", "", ""},
		{"", "one/sessions", "", ""},
		{"", "one/sessions/passport", "", ""},
		{"", "one/" + id, "", ""},
		{"", "one/metadata/" + id + "/decision.json", "", ""},
		{"", "one/sessions/" + id + "/face.jpg", "", ""},
		{"", "evidence/" + id + "/face.jpg", "", ""},
	} {
		here := surroundings{directory: filepath.Join(work, c.directory), mounts: []string{inner, two, one}}
		name, mount, err := here.name(c.arg)
		if name != c.name || mount != c.mount || (err == nil) != (c.name != "") {
			t.Errorf("%q in %q: %q of %q, %v", c.arg, c.directory, name, mount, err)
		}
	}
}
