// Package bagpath says which paths a bag may have: none that leads out of it, that
// means something else on another system, or that is another one's there. It has no
// state, but for a [Collisions], which one goroutine may use.
package bagpath

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Max bounds a path within a bag, in bytes.
const Max = 1024

// Check refuses a path that could lead out of a bag or mean something else on
// another system.
func Check(p string) error {
	switch {
	case p == "" || len(p) > Max || !utf8.ValidString(p):
		return errors.New("a path that is empty, too long or not UTF-8")
	case strings.HasPrefix(p, "/") || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../"):
		return fmt.Errorf("the path %q could lead out of the bag", p)
	case strings.ContainsAny(p, "\\:") || strings.ContainsFunc(p, unicode.IsControl):
		return fmt.Errorf("the path %q has a character that means something else elsewhere", p)
	}
	return nil
}

// folded is what two paths have in common that are one on a file system which
// ignores case or how an accent is written.
func folded(p string) string { return norm.NFC.String(cases.Fold().String(norm.NFKC.String(p))) }

// Collisions finds paths that other file systems take for one.
type Collisions map[string]string

// Add returns an error if another path, or part of one, is the same there.
func (c Collisions) Add(p string) error {
	for part := p; part != "."; part = path.Dir(part) {
		key := folded(part)
		if other, ok := c[key]; ok && other != part {
			return fmt.Errorf("%q and %q are one path on some file systems", other, part)
		} else if ok {
			return nil // and so are those above
		}
		c[key] = part
	}
	return nil
}
