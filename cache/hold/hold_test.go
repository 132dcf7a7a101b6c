package hold

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func setup(t *testing.T) (*directory.Directory, []*seal.Secret) {
	t.Helper()
	d, err := directory.Open(filepath.Join(t.TempDir(), "cache"), false)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	s, err := seal.NewSecret([]byte("a secret"))
	must(t, err)
	return d, []*seal.Secret{s}
}

func files(t *testing.T, d *directory.Directory) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(d.Path(), "????????????????", "holds", "*"))
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("files: %v", list)
	}
	return list
}

var one = Hold{ID: "hold/1", Keys: []seal.Key{"a", "b"}, Text: []byte(`because "x"`)}

func TestWriteAndRead(t *testing.T) {
	d, secrets := setup(t)
	if all, bad, err := Read(d, secrets); len(all) != 0 || len(bad) != 0 || err != nil || Any(d, secrets[0].Dir()) {
		t.Errorf("before: %v, %v, %v", all, bad, err)
	}
	now := time.Unix(1_790_000_000, 0)
	must(t, Write(d, secrets, rand.Reader, one, now))
	all, bad, err := Read(d, secrets)
	if diff := cmp.Diff([]Hold{one}, all); diff != "" || len(bad) != 0 || err != nil || !Any(d, secrets[0].Dir()) {
		t.Errorf("%s, %v, %v", diff, bad, err)
	}
	changed := one
	changed.Text = []byte("another")
	must(t, Write(d, secrets, rand.Reader, changed, now.Add(time.Second)))
	if all, _, _ := Read(d, secrets); len(all) != 1 || string(all[0].Text) != "another" {
		t.Errorf("%+v", all)
	}
	must(t, Remove(d, secrets, one.ID))
	must(t, Remove(d, secrets, one.ID))
	if all, bad, err := Read(d, secrets); len(all) != 0 || len(bad) != 0 || err != nil || Any(d, secrets[0].Dir()) {
		t.Errorf("after: %v, %v, %v", all, bad, err)
	}
}

// TestKilledWhileWriting has a kill between any two steps of writing and removing: the
// hold is as it was or as it became, never none.
func TestKilledWhileWriting(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	for name, c := range map[string]struct {
		remove int    // of the files, sorted: the record, its copy
		want   string // text that is read
	}{
		"the copy alone":   {0, "because \"x\""},
		"the record alone": {1, "because \"x\""},
	} {
		t.Run(name, func(t *testing.T) {
			d, secrets := setup(t)
			must(t, Write(d, secrets, rand.Reader, one, now))
			must(t, os.Remove(files(t, d)[c.remove]))
			if all, bad, err := Read(d, secrets); len(all) != 1 || string(all[0].Text) != c.want || len(bad) != 0 || err != nil {
				t.Errorf("%+v, %v, %v", all, bad, err)
			}
		})
	}
	t.Run("an older record beside its newer copy", func(t *testing.T) {
		d, secrets := setup(t)
		must(t, Write(d, secrets, rand.Reader, one, now))
		old, err := os.ReadFile(files(t, d)[0])
		must(t, err)
		newer := one
		newer.Text = []byte("newer")
		must(t, Write(d, secrets, rand.Reader, newer, now.Add(time.Second)))
		must(t, os.WriteFile(files(t, d)[0], old, 0o600))
		if all, _, _ := Read(d, secrets); len(all) != 1 || string(all[0].Text) != "newer" {
			t.Errorf("%+v", all)
		}
	})
	t.Run("a temporary file", func(t *testing.T) {
		d, secrets := setup(t)
		must(t, d.WriteFile("tmp/1", []byte("half"), 0o600))
		if all, bad, err := Read(d, secrets); len(all) != 0 || len(bad) != 0 || err != nil {
			t.Errorf("%v, %v, %v", all, bad, err)
		}
	})
}

// TestDamage changes, cuts and moves records: what can't be read is named, and never
// taken for another hold or for none.
func TestDamage(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	for name, damage := range map[string]func(b []byte) []byte{
		"a bit of the header":   func(b []byte) []byte { b[100] ^= 1; return b },
		"a bit of the contents": func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		"a cut":                 func(b []byte) []byte { return b[:len(b)-1] },
		"no byte left":          func([]byte) []byte { return nil },
		"more":                  func(b []byte) []byte { return append(b, 0) },
		"something else":        func([]byte) []byte { return []byte("{}") },
	} {
		t.Run(name, func(t *testing.T) {
			d, secrets := setup(t)
			must(t, Write(d, secrets, rand.Reader, one, now))
			list := files(t, d)
			for i, path := range list {
				b, err := os.ReadFile(path)
				must(t, err)
				must(t, os.WriteFile(path, damage(b), 0o600))
				all, bad, err := Read(d, secrets)
				if err != nil || i == 0 && (len(all) != 1 || len(bad) != 0) || i == 1 && (len(all) != 0 || len(bad) != 2) {
					t.Errorf("%d damaged: %+v, %v, %v", i+1, all, bad, err)
				}
				for _, path := range bad {
					if !Is(path, secrets[0], one.ID) || Is(path, secrets[0], "hold/2") {
						t.Errorf("%s: not the one of its hold alone", path)
					}
				}
			}
			for _, path := range list {
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s was deleted", path)
				}
			}
			_, bad, _ := Read(d, secrets)
			must(t, RemoveFiles(d, bad))
			if _, bad, err := Read(d, secrets); len(bad) != 0 || err != nil {
				t.Errorf("given up: %v, %v", bad, err)
			}
		})
	}
	t.Run("under another name", func(t *testing.T) {
		d, secrets := setup(t)
		must(t, Write(d, secrets, rand.Reader, one, now))
		list := files(t, d)
		must(t, os.Rename(list[0], filepath.Join(filepath.Dir(list[0]), secrets[0].Name("hold/2").String())))
		if all, bad, err := Read(d, secrets); len(all) != 1 || len(bad) != 1 || err != nil {
			t.Errorf("%+v, %v, %v", all, bad, err)
		}
	})
	t.Run("a directory", func(t *testing.T) {
		d, secrets := setup(t)
		must(t, Write(d, secrets, rand.Reader, one, now))
		must(t, os.Mkdir(filepath.Join(filepath.Dir(files(t, d)[0]), "x"), 0o700))
		if _, bad, err := Read(d, secrets); len(bad) != 1 || err != nil {
			t.Errorf("%v, %v", bad, err)
		}
	})
}

// TestSeveralSecrets: one readable copy under any secret is enough.
func TestSeveralSecrets(t *testing.T) {
	d, secrets := setup(t)
	other, err := seal.NewSecret([]byte("another secret"))
	must(t, err)
	secrets = append(secrets, other)
	must(t, Write(d, secrets, rand.Reader, one, time.Unix(1_790_000_000, 0)))
	paths, err := filepath.Glob(filepath.Join(d.Path(), secrets[0].Dir(), "holds", "*"))
	must(t, err)
	for _, path := range paths {
		must(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	if all, bad, err := Read(d, secrets); len(all) != 1 || len(bad) != 0 || err != nil {
		t.Errorf("%+v, %v, %v", all, bad, err)
	}
	if all, bad, err := Read(d, secrets[:1]); len(all) != 0 || len(bad) != 2 || err != nil {
		t.Errorf("%+v, %v, %v", all, bad, err)
	}
}

// TestRecordsThatDiffer: what was held under one secret without the other is held together
// with what the other sealed, until it is written down anew.
func TestRecordsThatDiffer(t *testing.T) {
	d, secrets := setup(t)
	other, err := seal.NewSecret([]byte("another secret"))
	must(t, err)
	now := time.Unix(1_790_000_000, 0)
	must(t, Write(d, secrets, rand.Reader, one, now))
	again := Hold{ID: one.ID, Keys: []seal.Key{"b", "c"}, Text: []byte("again")}
	must(t, Write(d, []*seal.Secret{other}, rand.Reader, again, now.Add(time.Second)))
	secrets = append(secrets, other)
	want := Hold{ID: one.ID, Keys: []seal.Key{"a", "b", "c"}, Text: again.Text, Older: [][]byte{one.Text}}
	all, bad, err := Read(d, secrets)
	if diff := cmp.Diff([]Hold{want}, all); diff != "" || len(bad) != 0 || err != nil {
		t.Errorf("%s, %v, %v", diff, bad, err)
	}
	if h, found, err := ReadOne(d, secrets, one.ID); !cmp.Equal(want, h) || !found || err != nil {
		t.Errorf("alone: %+v, %v", h, err)
	}
	must(t, Write(d, secrets, rand.Reader, want, now.Add(2*time.Second)))
	if all, _, _ := Read(d, secrets); len(all) != 1 || all[0].Older != nil {
		t.Errorf("written down anew: %+v", all)
	}
}

// TestFailedPut has a write fail between the copies of a record: what is held then is
// what the next process reads, the old one or the new one, and the objects of both.
func TestFailedPut(t *testing.T) {
	changed := Hold{ID: one.ID, Keys: []seal.Key{"b", "c"}, Text: []byte("newer")}
	for name, c := range map[string]struct {
		blocked int // of the files, sorted: the record, its copy, which is written first
		want    string
	}{
		"the copy":   {1, string(one.Text)},
		"the record": {0, "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			d, secrets := setup(t)
			now := time.Unix(1_790_000_000, 0)
			must(t, Write(d, secrets, rand.Reader, one, now))
			r, err := Open(d, secrets)
			must(t, err)
			path := files(t, d)[c.blocked]
			must(t, os.Remove(path))
			must(t, os.MkdirAll(filepath.Join(path, "x"), 0o700)) // which no file replaces
			var held map[seal.Name]bool
			err = r.Put(changed, rand.Reader, now.Add(time.Second), func(int, seal.Key) bool { return false },
				func(names map[seal.Name]bool, _ bool) { held = names })
			if err == nil {
				t.Fatal("no error")
			}
			must(t, os.RemoveAll(path))
			got, ok := r.Of(one.ID)
			next, _, err := Read(d, secrets)
			if err != nil || len(next) != 1 || string(next[0].Text) != c.want || !ok || string(got.Text) != c.want {
				t.Errorf("here %q, for the next process %q, %v", got.Text, next, err)
			}
			for _, k := range []seal.Key{"a", "b", "c"} {
				if inNew := k != "a"; !held[secrets[0].Name(k)] && (inNew || c.want != "newer") {
					t.Errorf("%s is not held", k)
				}
			}
		})
	}
	t.Run("the first", func(t *testing.T) {
		d, secrets := setup(t)
		r, err := Open(d, secrets)
		must(t, err)
		must(t, d.MkdirAll(Dir(secrets[0].Dir())+"/"+secrets[0].Name(one.ID).String()+copySuffix+"/x", 0o700))
		nothing := func(map[seal.Name]bool, bool) {}
		if err := r.Put(one, rand.Reader, time.Now(), func(int, seal.Key) bool { return false }, nothing); err == nil {
			t.Fatal("no error")
		}
		if err := r.Remove(one.ID, nothing); err == nil {
			t.Error("the obstacle was removed")
		}
		if _, ok := r.Of(one.ID); !ok {
			t.Error("what may be on the disk is not held")
		}
	})
}

// Who records a hold again, as when it is sealed anew, records what it is by then, and
// nothing if it was released meanwhile.
func TestAgain(t *testing.T) {
	d, secrets := setup(t)
	r, err := Open(d, secrets)
	must(t, err)
	now := time.Unix(1_790_000_000, 0)
	has := func(int, seal.Key) bool { return false }
	told := func(map[seal.Name]bool, bool) {}
	changed := Hold{ID: one.ID, Keys: one.Keys, Text: []byte("newer")}
	must(t, r.Put(one, rand.Reader, now, has, told))
	must(t, r.Put(changed, rand.Reader, now.Add(time.Second), has, told))
	must(t, r.Again(one.ID, rand.Reader, now.Add(2*time.Second), has, told))
	if all, _, err := Read(d, secrets); err != nil || len(all) != 1 || string(all[0].Text) != "newer" {
		t.Errorf("recorded again: %q, %v", all, err)
	}
	must(t, r.Remove(one.ID, told))
	must(t, r.Again(one.ID, rand.Reader, now.Add(3*time.Second), has, told))
	if all, _, err := Read(d, secrets); err != nil || len(all) != 0 {
		t.Errorf("after the release: %q, %v", all, err)
	}
	if _, ok := r.Of(one.ID); ok {
		t.Error("it is held")
	}
}
