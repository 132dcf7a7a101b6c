package sessionlist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

func TestAddAndRemove(t *testing.T) {
	for _, tt := range []struct {
		name, before string
		add          []int
		added        int
		after        string
		remove       []int
		removed      int
		rest         string
	}{
		{"list", "# mine\n@3 # a\n@1\n", []int{2, 1, 2, 4}, 2, "# mine\n@3 # a\n@1\n@2\n@4\n", []int{3, 4, 5}, 2, "# mine\n@1\n@2\n"},
		{"no last newline", "@1", []int{2}, 1, "@1\n@2\n", []int{1}, 1, "@2\n"},
		{"all", "# c\n@1\n", nil, 0, "# c\n@1\n", []int{1}, 1, "# c\n"},
		{"crlf", "@1\r\n", []int{2}, 1, "@1\r\n@2\r\n", []int{1}, 1, "@2\r\n"},
		{"twice in it", "@1\n@2\n@1\n", []int{1}, 0, "@1\n@2\n@1\n", []int{1}, 1, "@2\n"},
		{"table", "name;session id;x\n\"a\nb\";@1;\n", []int{2}, 1, "name;session id;x\n\"a\nb\";@1;\n;@2;\n", []int{1}, 1, "name;session id;x\n;@2;\n"},
		{"table without rows", "x,id", []int{1}, 1, "x,id\n,@1\n", []int{1}, 1, "x,id\n"},
		{"json lines", `{"id":"@1"}`, []int{2}, 1, "{\"id\":\"@1\"}\n{\"id\":\"@2\"}\n", []int{1}, 1, "{\"id\":\"@2\"}\n"},
		{"mixed", "@3\n{\"id\":\"@1\"}\n", []int{2}, 1, "@3\n{\"id\":\"@1\"}\n@2\n", []int{1}, 1, "@3\n@2\n"},
		{"cut json line", "{\"id\":\"@1\"}\n{\"verification\":", []int{2}, 1, "{\"id\":\"@1\"}\n{\"verification\":\n@2\n", []int{1}, 1, "{\"verification\":\n@2\n"},
		{"empty", "", []int{1}, 1, "@1\n", []int{1}, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "sessions")
			write(t, name, tt.before)
			must(t, os.Chmod(name, 0o640))
			f := NewFile(name)
			check := func(what string, n, want int, err error, text string) {
				t.Helper()
				must(t, err)
				got, err := os.ReadFile(name)
				must(t, err)
				if diff := cmp.Diff(fill(text), string(got)); n != want || diff != "" {
					t.Errorf("%s: %d, want %d: %s", what, n, want, diff)
				}
				if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
					t.Errorf("%s: mode %v, %v", what, info.Mode(), err)
				}
			}
			n, err := f.Add(t.Context(), ids(tt.add...))
			check("add", n, tt.added, err, tt.after)
			n, err = f.Add(t.Context(), ids(tt.add...))
			check("add again", n, 0, err, tt.after)
			n, err = f.Remove(t.Context(), ids(tt.remove...))
			check("remove", n, tt.removed, err, tt.rest)
			n, err = f.Remove(t.Context(), ids(tt.remove...))
			check("remove again", n, 0, err, tt.rest)
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestEditRefused(t *testing.T) {
	for _, tt := range []struct {
		name, text  string
		add, remove error
	}{
		{"array", `[{"id":"@1"}]`, ErrDocument, ErrDocument},
		{"pretty", "{\n\"id\":\"@1\"}", ErrDocument, nil},
		{"two on a line", `{"id":"@1"}{"id":"@2"}`, nil, ErrDocument},
		{"other file", "Dear John\n", ErrNoIDs, ErrNoIDs},
		{"binary", "\x00@1\n", ErrNotText, ErrNotText},
		{"entangled", "@1,@2\nx,@3\n", nil, errEntangled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "sessions")
			write(t, name, tt.text)
			_, errRemove := NewFile(name).Remove(t.Context(), ids(1))
			if !errors.Is(errRemove, tt.remove) {
				t.Errorf("remove: %v, want %v", errRemove, tt.remove)
			}
			if tt.remove == nil {
				write(t, name, tt.text)
			} else if got, err := os.ReadFile(name); err != nil || string(got) != fill(tt.text) {
				t.Errorf("changed: %q, %v", got, err)
			}
			if _, err := NewFile(name).Add(t.Context(), ids(9)); !errors.Is(err, tt.add) {
				t.Errorf("add: %v, want %v", err, tt.add)
			} else if err != nil && strings.Contains(err.Error(), "John") {
				t.Errorf("content in the error: %v", err)
			}
		})
	}
}

func TestStandardInputIsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := NewFile(Stdin).Add(t.Context(), ids(1)); err == nil {
		t.Error("added to standard input")
	}
	if _, err := os.Stat(Stdin); err == nil {
		t.Error("a file of that name was made")
	}
}

func TestAddCreates(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a", "b", "sessions.txt")
	if n, err := NewFile(name).Remove(t.Context(), ids(1)); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := NewFile(name).Add(t.Context(), ids(1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	info, err := os.Stat(name)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// A link that leads nowhere yet is followed.
	link := filepath.Join(filepath.Dir(name), "link")
	must(t, os.Symlink("target", link))
	if n, err := NewFile(link).Add(t.Context(), ids(1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got, err := ReadFile(filepath.Join(filepath.Dir(name), "target"), nil); err != nil || len(got) != 1 {
		t.Error(got, err)
	}
}

// TestAddSeesOthers checks that what a File remembers never hides what others
// did to the file.
func TestAddSeesOthers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sessions.txt")
	f, other := NewFile(name), NewFile(name)
	for n := range 20 {
		if added, err := f.Add(t.Context(), ids(n, n+1)); err != nil || added != 2 {
			t.Fatal(n, added, err)
		}
		if removed, err := other.Remove(t.Context(), ids(n, n+1)); err != nil || removed != 2 {
			t.Fatal(n, removed, err)
		}
		if added, err := other.Add(t.Context(), ids(n)); err != nil || added != 1 {
			t.Fatal(n, added, err)
		}
		if added, err := f.Add(t.Context(), ids(n)); err != nil || added != 0 {
			t.Fatal(n, added, err)
		}
		write(t, name, "# nothing\n")
	}
}

// runChild is a process of its own that adds ids one by one.
func runChild(arg string) int {
	name, numbers, _ := strings.Cut(arg, "|")
	f := NewFile(name)
	for part := range strings.SplitSeq(numbers, ",") {
		n, err := strconv.Atoi(part)
		if err == nil {
			_, err = f.Add(context.Background(), []veriff.SessionID{id(n)})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// TestProcesses lets several processes add to a file at the same time, while
// others remove from it and replace it.
func TestProcesses(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sessions.txt")
	const processes, each = 4, 25
	var want []int
	var running sync.WaitGroup
	write(t, name, "# start\n@9\n")
	for p := range processes {
		var numbers []string
		for n := range each {
			want = append(want, 1000*(p+1)+n)
			numbers = append(numbers, strconv.Itoa(1000*(p+1)+n))
		}
		running.Go(func() {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "SESSIONLIST_CHILD="+name+"|"+strings.Join(numbers, ","))
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	running.Go(func() {
		f := NewFile(name)
		for range each {
			if _, err := f.Add(t.Context(), ids(5)); err != nil {
				t.Error(err)
			}
			if n, err := f.Remove(t.Context(), ids(5)); n != 1 || err != nil {
				t.Error(n, err)
			}
		}
	})
	running.Wait()
	got, err := ReadFile(name, func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	must(t, err)
	if diff := cmp.Diff(ids(append([]int{9}, want...)...), got); diff != "" {
		t.Error(diff)
	}
}
