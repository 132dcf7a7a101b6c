package hold

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"veriffs/veriff"
)

// maxNotice is how long an encoded notice may be, in bytes.
const maxNotice = 4096

// Notice is what a member of a team tells the others of a hold.
type Notice struct {
	Session string    `json:"session"`
	Reason  string    `json:"reason"`
	By      string    `json:"by,omitempty"` // who asked for it, as far as is known
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"` // left out: until it is released
	Member
}

// Member says who has a hold.
type Member struct {
	Installation string `json:"installation,omitempty"` // the fingerprint of its key; "" if there is none
	Host         string `json:"host,omitempty"`
	Cache        string `json:"cache,omitempty"` // the cache's directory there
}

// Expired reports whether the time of a hold has run out.
func (n *Notice) Expired(now time.Time) bool { return !n.Until.IsZero() && !now.Before(n.Until) }

// Whose names the member for people.
func (m Member) Whose() string {
	whose := "an unknown installation"
	if m.Installation != "" {
		whose = "installation " + m.Installation
	}
	if m.Host != "" {
		whose += " on " + m.Host
	}
	return whose
}

// noticed is a notice as it is written down.
type noticed struct {
	Version int `json:"version"`
	Notice
}

// Notice returns what others are told of a hold.
func (r *Record) Notice(of Member) Notice {
	return Notice{Session: r.Session.String(), Reason: r.Reason, By: r.By, Since: r.Since.UTC(), Until: r.Until.UTC(), Member: of.Legible()}
}

// Encode returns a notice as it is to be written down. What is too long for that is cut.
func (n Notice) Encode() []byte {
	for {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(noticed{version, n}); err != nil {
			panic(err) // it has strings and times
		}
		text := bytes.TrimSpace(b.Bytes())
		if len(text) <= maxNotice {
			return text
		}
		n.Reason, n.By, n.Host, n.Installation, n.Cache = cut(n.Reason), cut(n.By), cut(n.Host), cut(n.Installation), cut(n.Cache)
	}
}

// cut returns the first half of what is long.
func cut(s string) string {
	const long = 64
	if len(s) <= long {
		return s
	}
	return strings.ToValidUTF8(s[:len(s)/2], "")
}

// DecodeNotice reads what Encode wrote.
func DecodeNotice(text []byte) (Notice, veriff.SessionID, error) {
	var w noticed
	if err := json.Unmarshal(text, &w); err != nil {
		return Notice{}, veriff.SessionID{}, fmt.Errorf("hold: malformed notice: %w", err)
	}
	id, err := veriff.ParseSessionID(w.Session)
	switch {
	case w.Version != version:
		return Notice{}, id, fmt.Errorf("hold: a notice of version %d, of which this program knows nothing", w.Version)
	case err != nil:
		return Notice{}, id, fmt.Errorf("hold: malformed notice: %w", err)
	case w.Since.IsZero():
		return Notice{}, id, errors.New("hold: malformed notice: it has no beginning")
	}
	w.Reason, w.By, w.Member = legible(w.Reason), legible(w.By), w.Legible()
	return w.Notice, id, nil
}

// Legible returns a member as others read it.
func (m Member) Legible() Member {
	return Member{Installation: legible(m.Installation), Host: legible(m.Host), Cache: legible(m.Cache)}
}

// SameCache reports whether two members are one cache on one machine.
func (m Member) SameCache(as Member) bool { return m.Host == as.Host && m.Cache == as.Cache }

// legible replaces what a terminal may not show as itself: another member chose the text,
// and it gets into errors.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// Noticed adds the name of a notice that others get of a hold. The first stays the one.
func Noticed(name string) Learn {
	return func(r *Record) bool {
		if slices.Contains(r.Notices, name) {
			return false
		}
		r.Notices = append(slices.Clone(r.Notices), name)
		return true
	}
}

// Renoticed gives the notice of a hold another name in place of one that another cache keeps.
func Renoticed(old, name string) Learn {
	return func(r *Record) bool {
		others := slices.DeleteFunc(slices.Clone(r.Notices), func(n string) bool { return n == old })
		r.Notices = append([]string{name}, others...)
		return true
	}
}
