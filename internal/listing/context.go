package listing

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"veriffs/veriff"
)

// Names by context. A file is called after its context, <context>.<ext>, and
// where several files would be called the same, <context>-2.<ext> and so on.
//
// The numbers follow the order of the ids and not that of the list, which the
// API shuffles. A file keeps its name for as long as the session's list has
// it: one that arrives later takes the lowest number that is free, even if its
// id comes first, and one that goes renames nobody. Numbers that are not what
// the order of ids would give are remembered in the catalog. They
// are given afresh only after a purge, or when a file arrives while the cache
// no longer has the last list.

// longestStem bounds a name before its number, in bytes.
const longestStem = 64

// unknownContext stands for a context of which nothing printable is left.
const unknownContext = "unknown"

// stem makes a context, which is an open set, fit for every file system: lower
// case letters, digits and underscores, and a hyphen for whatever else.
func stem(context string) string {
	b := make([]byte, 0, min(len(context), longestStem))
	for i := 0; i < len(context) && len(b) < longestStem; i++ {
		switch c := context[i]; {
		case 'A' <= c && c <= 'Z':
			b = append(b, c-'A'+'a')
		case isStem(c):
			b = append(b, c)
		case len(b) > 0 && b[len(b)-1] != '-':
			b = append(b, '-')
		}
	}
	s := strings.TrimRight(string(b), "-")
	if s == "" {
		return unknownContext
	}
	return s
}

func isStem(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' }

// NamedFile is a file under its name by context.
type NamedFile struct {
	Name string
	File *File
}

// names are the names by context of a listing's files, given when first asked
// for.
type names struct {
	byName []NamedFile // sorted by Name
	number []int       // of Files, in their order
}

// Numbers tells the number that a file's name by context has, where it is not
// the one that the order of ids gives.
type Numbers func(veriff.MediaID) (n int, ok bool)

// ByContext returns the files under their names by context, in the order of
// those names. The first caller's numbers count.
func (l *Listing) ByContext(numbers Numbers) []NamedFile { return l.named(numbers).byName }

// FindByContext returns the file that has a name by context.
func (l *Listing) FindByContext(name string, numbers Numbers) (*File, bool) {
	all := l.ByContext(numbers)
	i, ok := slices.BinarySearchFunc(all, name, func(f NamedFile, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil, false
	}
	return all[i].File, true
}

func (l *Listing) named(numbers Numbers) *names {
	l.naming.Do(func() {
		l.names = &names{number: assign(l.Files, numbers), byName: make([]NamedFile, len(l.Files))}
		for i, n := range l.names.number {
			f := &l.Files[i]
			l.names.byName[i] = NamedFile{nameByContext(f, n), f}
		}
		slices.SortFunc(l.names.byName, func(a, b NamedFile) int { return strings.Compare(a.Name, b.Name) })
	})
	return l.names
}

// KeepNames names the files of a listing so that those of the last one, which
// had its names by numbers, keep theirs. It returns the numbers to remember: none
// if the order of ids gives them all.
func (l *Listing) KeepNames(last *Listing, numbers Numbers) map[veriff.MediaID]int {
	had := make(map[veriff.MediaID]int, len(last.Files))
	for i, n := range last.named(numbers).number {
		had[last.Files[i].ID] = n
	}
	now := l.named(func(id veriff.MediaID) (int, bool) { n, ok := had[id]; return n, ok }).number
	if slices.Equal(now, assign(l.Files, func(veriff.MediaID) (int, bool) { return 0, false })) {
		return nil
	}
	remember := make(map[veriff.MediaID]int, len(now))
	for i, n := range now {
		remember[l.Files[i].ID] = n
	}
	return remember
}

func nameByContext(f *File, n int) string {
	name := stem(f.Context())
	if n > 1 {
		name += "-" + strconv.Itoa(n)
	}
	return name + "." + f.Extension()
}

// assign gives every file a number with which its name is its own: the fixed
// one where it has one, and the lowest that is free, in order, to the others.
func assign(files []File, fixed Numbers) []int {
	numbers := make([]int, len(files))
	taken := make(map[string]bool, len(files))
	for i := range files {
		if n, ok := fixed(files[i].ID); ok {
			if name := nameByContext(&files[i], n); !taken[name] {
				numbers[i], taken[name] = n, true
			}
		}
	}
	lowest := make(map[string]int) // by the name without a number: what is below is taken
	for i := range files {
		if numbers[i] != 0 {
			continue
		}
		plain := nameByContext(&files[i], 1)
		n := max(1, lowest[plain])
		for taken[nameByContext(&files[i], n)] {
			n++
		}
		numbers[i], lowest[plain] = n, n+1
		taken[nameByContext(&files[i], n)] = true
	}
	return numbers
}

// PossibleNameByContext reports whether a file could have that name by
// context.
func PossibleNameByContext(name string) bool {
	base, ext, ok := strings.Cut(name, ".")
	if !ok || base == "" || base[0] == '-' || len(base) > longestStem+len("-100000") {
		return false
	}
	for i := range len(base) {
		if !isStem(base[i]) && base[i] != '-' {
			return false
		}
	}
	return ext == unknownExtension || slices.Contains(knownExtensions, ext)
}

// knownExtensions are the extensions that a name can have, in order.
var knownExtensions = slices.Compact(slices.Sorted(maps.Values(extensions)))
