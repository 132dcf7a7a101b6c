package items

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Item is a media file or an attempt as listed. What is missing or of another type is
// its type's zero value, unless it says otherwise.
type Item struct {
	ID, SessionID           string
	Name, Context, MIMEType string
	Size                    int64         // bytes, more than 0; -1 if missing or nonsense
	Duration                time.Duration // 0 if missing or nonsense
	Status                  string
	Created                 time.Time
}

const (
	// maxSize is the largest believable size of a media file, in bytes.
	maxSize = 1 << 40
	// maxDuration is the longest believable video, in seconds.
	maxDuration = 24 * 60 * 60
)

// fields holds the fields of an item undecoded, so that a wrong type costs that field
// alone.
type fields struct {
	ID          json.RawMessage `json:"id"`
	SessionID   json.RawMessage `json:"sessionId"`
	Name        json.RawMessage `json:"name"`
	Context     json.RawMessage `json:"context"`
	MIMEType    json.RawMessage `json:"mimetype"`
	Size        json.RawMessage `json:"size"`
	Duration    json.RawMessage `json:"duration"`
	Status      json.RawMessage `json:"status"`
	CreatedTime json.RawMessage `json:"createdTime"`
}

func (f *fields) item() Item {
	return Item{
		ID: text(f.ID), SessionID: text(f.SessionID),
		Name: text(f.Name), Context: text(f.Context), MIMEType: text(f.MIMEType),
		Size: size(f.Size), Duration: seconds(f.Duration),
		Status: text(f.Status), Created: moment(f.CreatedTime),
	}
}

// text returns a field that is a string, or "".
func text(field json.RawMessage) string {
	if !bytes.HasPrefix(field, []byte(`"`)) {
		return ""
	}
	var s string
	if json.Unmarshal(field, &s) != nil {
		return ""
	}
	return s
}

// number returns a field that is a number or a string that holds one.
func number(field json.RawMessage) (float64, bool) {
	s := text(field)
	if s == "" {
		s = string(field)
	}
	s = strings.TrimSpace(s)
	if strings.Trim(s, "0123456789+-.eE") != "" { // NaN, Inf and hexadecimal
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// size returns a field as a number of bytes, or -1. A size of 0 is nonsense
// too: no picture, clip or chip is empty.
func size(field json.RawMessage) int64 {
	f, ok := number(field)
	if !ok || f != math.Trunc(f) || f < 1 || f > maxSize {
		return -1
	}
	return int64(f)
}

// seconds returns a field as a duration, or 0.
func seconds(field json.RawMessage) time.Duration {
	f, ok := number(field)
	if !ok || f < 0 || f > maxDuration {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// moment returns a field as a time, or the zero time.
func moment(field json.RawMessage) time.Time {
	s := text(field)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
