package sandbox

import (
	"bytes"
	"embed"
	"strings"
	"time"

	"veriffs/veriff"
)

// assets are pictures, clips, chip data and a bill that were drawn for this
// purpose by the program in the folder draw. Nobody in them exists.
//
//go:embed assets
var assets embed.FS

// demoTypes are the media types of the assets, by extension.
var demoTypes = map[string]string{
	"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "heic": "image/heic",
	"pdf": "application/pdf", "webm": "video/webm", "mp4": "video/mp4", "json": "application/json",
}

// clipLength is how long the embedded clips play.
const clipLength = 4 * time.Second

// demo describes one session of the demonstration set. Its assets are in the
// folder of the person.
type demo struct {
	title, status string
	folder        string
	person        Person
	attempts      []demoAttempt // newest first
}

type demoAttempt struct {
	created string // RFC 3339; "" is an attempt without a time
	status  string
	files   []string // "context=asset", or "context=asset type" for another type than the extension's
}

// demoSessions builds the demonstration set, the oldest session first. Ids
// are the same in every run.
func demoSessions() []Session {
	var sessions []Session
	var attempts, media uint64
	for i := len(demoSet) - 1; i >= 0; i-- {
		d := demoSet[i]
		s := Session{
			ID:    veriff.SessionID(uuid(demoSeed, sessionDomain, uint64(i))),
			Title: d.title, Status: d.status, Person: d.person,
		}
		for _, da := range d.attempts {
			a := Attempt{ID: veriff.AttemptID(uuid(demoSeed, attemptDomain, attempts)), Status: da.status}
			attempts++
			if da.created != "" {
				a.Created = mustTime(da.created)
			}
			for _, entry := range da.files {
				f := demoFile(d.folder, entry)
				f.ID = veriff.MediaID(uuid(demoSeed, mediaDomain, media))
				media++
				a.Media = append(a.Media, f)
			}
			s.Attempts = append(s.Attempts, a)
		}
		sessions = append(sessions, s)
	}
	return sessions
}

func demoFile(folder, entry string) File {
	context, asset, _ := strings.Cut(entry, "=")
	asset, mimetype, other := strings.Cut(asset, " ")
	content, err := assets.ReadFile("assets/" + folder + "/" + asset)
	if err != nil {
		panic("sandbox: the demonstration set names an asset that isn't there: " + err.Error())
	}
	if !other {
		mimetype = demoTypes[asset[strings.LastIndexByte(asset, '.')+1:]]
	}
	f := File{Context: context, MIMEType: mimetype, Size: int64(len(content)), content: bytes.NewReader(content)}
	if f.array() == "videos" {
		f.Duration = clipLength
	}
	return f
}

func mustTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic("sandbox: the demonstration set has a time that isn't one: " + err.Error())
	}
	return t
}
