package library

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	once   sync.Once
	byName []NamedFile // sorted by Name
	number []int       // of Files, in their order
}

// ByContext returns the files of a listing under their names by context, in
// the order of those names.
func (l *Library) ByContext(list *Listing) []NamedFile {
	return list.named(l.catalog.number).byName
}

func (l *Listing) named(fixed func(veriff.MediaID) (int, bool)) *names {
	l.names.once.Do(func() {
		l.names.number = assign(l.Files, fixed)
		l.names.byName = make([]NamedFile, len(l.Files))
		for i, n := range l.names.number {
			f := &l.Files[i]
			l.names.byName[i] = NamedFile{nameByContext(f, n), f}
		}
		slices.SortFunc(l.names.byName, func(a, b NamedFile) int { return strings.Compare(a.Name, b.Name) })
	})
	return &l.names
}

func nameByContext(f *File, n int) string {
	name := stem(f.Context.Value())
	if n > 1 {
		name += "-" + strconv.Itoa(n)
	}
	return name + "." + extension(f.mimetype.Value())
}

// assign gives every file a number with which its name is its own: the fixed
// one where it has one, and the lowest that is free, in order, to the others.
func assign(files []File, fixed func(veriff.MediaID) (int, bool)) []int {
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

// renumber sees to it that what is in both listings keeps its name.
func (l *Library) renumber(list, last *Listing) {
	if last.same(list) {
		return
	}
	had := make(map[veriff.MediaID]int, len(last.Files))
	for i, n := range last.named(l.catalog.number).number {
		had[last.Files[i].ID] = n
	}
	numbers := list.named(func(id veriff.MediaID) (int, bool) { n, ok := had[id]; return n, ok }).number
	byOrder := assign(list.Files, func(veriff.MediaID) (int, bool) { return 0, false })
	other := make(map[veriff.MediaID]int)
	if !slices.Equal(numbers, byOrder) {
		for i, n := range numbers {
			other[list.Files[i].ID] = n
		}
	}
	if l.catalog.setNumbers(other, slices.Concat(last.Files, list.Files)) {
		l.catalog.save(l.cache) // it happens seldom, and nothing else could tell them
	}
}

// FindByContext is Find by the name by context.
func (l *Library) FindByContext(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	// Unlike an id, a name may come to mean another file: only the list that
	// is up to date tells.
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := l.findNamed(list, name); ok {
		return f, nil
	}
	return nil, list.without(name)
}

// findNamed returns the file of a listing that has a name by context.
func (l *Library) findNamed(list *Listing, name string) (*File, bool) {
	all := l.ByContext(list)
	i, ok := slices.BinarySearchFunc(all, name, func(f NamedFile, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return nil, false
	}
	return all[i].File, true
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
