package command

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// deceives reports whether a terminal may not show r as itself: controls, marks of
// direction, what has no shape, and blanks other than the space.
func deceives(r rune) bool {
	return r != ' ' && (!unicode.IsGraphic(r) || unicode.IsSpace(r)) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// plain escapes what could make a terminal show something else than the text, which
// others chose: a program its own name, for example. A backslash is doubled, so that
// nothing looks escaped that is not.
func plain(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch _, n := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\\':
			b.WriteString(`\\`)
		case deceives(r):
			quoted := fmt.Sprintf("%+q", r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainJSON does the same in a JSON text, whose meaning stays: outside of strings it
// has nothing to escape.
func plainJSON(line []byte) []byte {
	if !strings.ContainsFunc(string(line), func(r rune) bool { return r == utf8.RuneError || deceives(r) }) {
		return line
	}
	var out []byte
	for _, r := range string(line) {
		switch {
		case r > 0xffff && deceives(r):
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r != '\n' && deceives(r) || r == utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}
