package sheet

import (
	"bytes"
	_ "embed"
	"html/template"
	"time"

	"github.com/dustin/go-humanize"
)

//go:embed sheet.html
var page string

// templates are the head, a session, and the foot.
var templates = template.Must(template.New("sheet").Funcs(template.FuncMap{
	"bytes": func(n int64) string { return humanize.IBytes(uint64(max(0, n))) },
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"safe":  Printable,
}).Parse(page))

// maxEmbedded bounds what is embedded in a sheet, in bytes: it is put together in
// memory, and no browser likes more.
const maxEmbedded = 48 << 20

// Sheet is a contact sheet that grows. Make it with New.
type Sheet struct {
	page bytes.Buffer
	room int // for embedded pictures and videos, in bytes
}

// New begins a sheet of sessions, made at a time by a tool.
func New(sessions []string, made time.Time, tool string) (*Sheet, error) {
	s := &Sheet{room: maxEmbedded}
	return s, templates.ExecuteTemplate(&s.page, "head", struct {
		Sessions []string
		Made     time.Time
		Tool     string
	}{sessions, made, tool})
}

// Add adds a session.
func (s *Sheet) Add(v *Session) error { return templates.ExecuteTemplate(&s.page, "session", v) }

// End ends the sheet and returns it. signer is the fingerprint of the key that
// signs the bag that it belongs to, "" if there is none.
func (s *Sheet) End(signer string) ([]byte, error) {
	err := templates.ExecuteTemplate(&s.page, "foot", struct{ Signer string }{signer})
	return s.page.Bytes(), err
}

// Session is a session on a sheet.
type Session struct {
	ID        string
	Decision  []fact
	Held      []fact // why it is held, and what the API no longer has
	Groups    []group
	Documents []File
	Missing   []Reason
	LeftOut   []string // files that were not asked for
	Absent    []string // what the API says that it does not have
}

// Reason is why something is not there.
type Reason struct{ Name, Reason string }

// File is what is known of a file without looking into it.
type File struct {
	Name     string
	Attempt  string // "" if it is not known
	Context  string
	Size     int64 // bytes
	SHA256   string
	Received time.Time
	Verified bool
	SecretID string // of the secret that verified it; "" if it is not known
}

// group is the files of one attempt.
type group struct {
	Attempt string
	Figures []figure
}

// figure is a file and what its bytes show.
type figure struct {
	File
	seen
}

// Show adds a picture, a video or chip data to a session, as far as the sheet has
// room.
func (s *Sheet) Show(v *Session, f File, l *Look) {
	shown := figure{File: f, seen: l.see()}
	if takes := len(shown.Picture) + len(shown.Video); takes > s.room {
		shown.Picture, shown.Video, shown.Note = "", "", "not shown: this sheet is full"
	} else {
		s.room -= takes
	}
	if n := len(v.Groups); n == 0 || v.Groups[n-1].Attempt != f.Attempt {
		v.Groups = append(v.Groups, group{Attempt: f.Attempt})
	}
	last := &v.Groups[len(v.Groups)-1]
	last.Figures = append(last.Figures, shown)
}

// Document adds an answer of the API to a session.
func (v *Session) Document(f File) { v.Documents = append(v.Documents, f) }

// Decide shows the decision.
func (v *Session) Decide(l *Look) { v.Decision = facts(l.buf.Bytes(), maxFacts) }

// Hold shows why the session is held.
func (v *Session) Hold(l *Look) { v.Held = facts(l.buf.Bytes(), maxFacts) }
