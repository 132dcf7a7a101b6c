package sheet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html/template"
)

// Limits of what a contact sheet shows of a file, in bytes.
const (
	maxLook  = 24 << 20 // of a file that is looked into
	maxVideo = 3 << 20  // of a video that is embedded
)

// Look keeps the bytes of a file that passes by, if they are few enough to look
// into them. The zero value is ready.
type Look struct {
	buf bytes.Buffer
	big bool
}

// Write is io.Writer. It never fails.
func (l *Look) Write(p []byte) (int, error) {
	if l.big = l.big || l.buf.Len()+len(p) > maxLook; l.big {
		l.buf = bytes.Buffer{}
	} else {
		l.buf.Write(p)
	}
	return len(p), nil
}

// Reset forgets what has passed by.
func (l *Look) Reset() { *l = Look{} }

// seen is what a contact sheet shows of a file. What the file says of itself, and
// what the API says of it, is not asked: its bytes are.
type seen struct {
	Picture       template.URL // a data: URI
	Width, Height int          // of the original, in pixels
	Video         template.URL
	Facts         []fact
	Note          string // why nothing of the above is there
}

// see looks into a file.
func (l *Look) see() (s seen) {
	body := l.buf.Bytes()
	switch {
	case l.big:
		s.Note = "too large to be shown here"
	case len(body) == 0:
		s.Note = "an empty file"
	case isVideo(body) != "":
		if len(body) > maxVideo {
			s.Note = "a video, too large to be shown here"
			break
		}
		s.Video = dataURI(isVideo(body), body)
	case json.Valid(body):
		s.Facts = facts(body, maxFacts)
	default:
		small, width, height, err := shrink(body)
		s.Width, s.Height = width, height
		if err != nil {
			s.Note = err.Error()
			break
		}
		s.Picture = dataURI("image/jpeg", small)
	}
	return s
}

// isVideo returns the type of a video by its first bytes, or "".
func isVideo(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("\x1aE\xdf\xa3")): // EBML: WebM or Matroska
		return "video/webm"
	case len(body) > 12 && string(body[4:8]) == "ftyp":
		switch string(body[8:12]) {
		case "heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif": // pictures in the same container
			return ""
		}
		return "video/mp4"
	}
	return ""
}

func dataURI(mimetype string, body []byte) template.URL {
	return template.URL("data:" + mimetype + ";base64," + base64.StdEncoding.EncodeToString(body))
}
