package listing

import (
	"slices"
	"strings"
	"testing"
	"unique"

	"veriffs/veriff"
)

func named(contexts ...string) []File {
	files := make([]File, len(contexts))
	for i, c := range contexts {
		files[i] = File{ID: veriff.MediaID{1, byte(i)}, Type: unique.Make(Type{Context: c, MIMEType: "image/png"})}
	}
	return files
}

func none(veriff.MediaID) (int, bool) { return 0, false }

func TestAssign(t *testing.T) {
	if got, want := assign(named("a", "b", "a", "a-2", "a"), none), []int{1, 1, 2, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("by order: %v, want %v", got, want)
	}
	// The third has 1, and the last has a number that another one would get.
	fixed := func(id veriff.MediaID) (int, bool) {
		n, ok := map[byte]int{2: 1, 3: 2}[id[1]]
		return n, ok
	}
	if got, want := assign(named("a", "a", "a", "a"), fixed), []int{3, 4, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("with fixed ones: %v, want %v", got, want)
	}
	same := func(veriff.MediaID) (int, bool) { return 3, true } // of another day's list
	if got, want := assign(named("a", "a"), same), []int{3, 1}; !slices.Equal(got, want) {
		t.Errorf("with two that can't both be right: %v, want %v", got, want)
	}
}

// TestAssignMany: as many files as a list can have, all of one context.
func TestAssignMany(t *testing.T) {
	files := make([]File, 100_000)
	for i := range files {
		files[i] = File{ID: veriff.MediaID{1, byte(i >> 16), byte(i >> 8), byte(i)}, Type: unique.Make(Type{Context: "face", MIMEType: "image/png"})}
	}
	if numbers := assign(files, none); numbers[len(files)-1] != len(files) {
		t.Errorf("the last one has %d", numbers[len(files)-1])
	}
	name := nameByContext(&files[0], len(files))
	if !PossibleNameByContext(name) {
		t.Errorf("%s is not possible", name)
	}
}

// FuzzNameByContext: a name is safe whatever the context, unique within its
// listing, and one that is looked up.
func FuzzNameByContext(f *testing.F) {
	for _, c := range []string{"face", "", "..", "-", "a/b", "A B", strings.Repeat("é", 100), "x-100000"} {
		f.Add(c, "face")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		files := named(one, two, one, two+"-2", one)
		seen := make(map[string]bool)
		for i, n := range assign(files, none) {
			name := nameByContext(&files[i], n)
			if !PossibleNameByContext(name) || seen[name] || len(name) > 80 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != "" {
				t.Errorf("the name %q for %q", name, files[i].Context())
			}
			seen[name] = true
		}
	})
}
