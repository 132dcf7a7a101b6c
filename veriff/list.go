package veriff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// MediaList is what the API lists for a session or an attempt.
type MediaList struct {
	Document
	Items []Media // in the API's order, the first of each id
	// Dropped counts what could not be used: items without a UUID for an id,
	// and fields that should be arrays. If it is not 0, the list may be
	// incomplete.
	Dropped int
}

// Kind says which of a listing's arrays a media file stands in.
type Kind int

const (
	Image Kind = iota + 1
	Video
	NFC
)

func (k Kind) String() string {
	switch k {
	case Image:
		return "image"
	case Video:
		return "video"
	case NFC:
		return "nfc"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Media is one image, video or NFC file as listed. The strings are as the API
// sends them: any string, not unique, and not safe as a file name.
type Media struct {
	ID       MediaID
	Session  SessionID // zero if not given
	Kind     Kind
	Name     string
	Context  string
	MIMEType string
	Size     int64         // bytes, more than 0; -1 if missing or nonsense
	Duration time.Duration // of a video; 0 if missing or nonsense
}

// AttemptList is what the API lists as the attempts of a session.
type AttemptList struct {
	Document
	Items   []Attempt // newest first, as the API orders them; the first of each id
	Dropped int       // as of a MediaList
}

// Attempt is one attempt at a verification.
type Attempt struct {
	ID      AttemptID
	Status  string
	Created time.Time // zero if not given
}

const (
	// maxItems bounds the items of a listing, all its arrays together.
	maxItems = 100_000
	// maxSize is the largest believable size of a media file, in bytes.
	maxSize = 1 << 40
	// maxDuration is the longest believable video, in seconds.
	maxDuration = 24 * 60 * 60
)

// DecodeMediaList reads the body of a media listing. A field or item that is
// not as documented costs that field or item alone. A body that is not JSON,
// not a media listing, an error of the API's, longer than 32 MiB or of more
// than 100,000 items is an error within ErrBody. Of the Document, only Body is
// set.
func DecodeMediaList(body []byte) (MediaList, error) {
	list := MediaList{Document: Document{Body: body}}
	seen := make(map[MediaID]struct{})
	of := func(kind Kind) func(item) bool {
		return func(i item) bool {
			id, err := ParseMediaID(text(i.ID))
			if err != nil {
				return false
			}
			if _, again := seen[id]; again {
				return true
			}
			seen[id] = struct{}{}
			session, _ := ParseSessionID(text(i.SessionID))
			list.Items = append(list.Items, Media{
				ID: id, Session: session, Kind: kind,
				Name: text(i.Name), Context: text(i.Context), MIMEType: text(i.MIMEType),
				Size: size(i.Size), Duration: seconds(i.Duration),
			})
			return true
		}
	}
	var err error
	list.Dropped, err = decodeList(body, map[string]func(item) bool{
		"images": of(Image), "videos": of(Video), "nfcDocuments": of(NFC),
	})
	if err != nil {
		return MediaList{}, err
	}
	return list, nil
}

// DecodeAttemptList reads the body of a listing of attempts by the rules of
// DecodeMediaList.
func DecodeAttemptList(body []byte) (AttemptList, error) {
	list := AttemptList{Document: Document{Body: body}}
	seen := make(map[AttemptID]struct{})
	var err error
	list.Dropped, err = decodeList(body, map[string]func(item) bool{"verifications": func(i item) bool {
		id, err := ParseAttemptID(text(i.ID))
		if err != nil {
			return false
		}
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			list.Items = append(list.Items, Attempt{ID: id, Status: text(i.Status), Created: moment(i.CreatedTime)})
		}
		return true
	}})
	if err != nil {
		return AttemptList{}, err
	}
	return list, nil
}

// decodeList walks through a listing item by item, so that the bounds hold
// before memory is spent. It hands each item to the function of its array,
// which reports whether it can use it, and returns how many items and arrays
// were of no use.
func decodeList(body []byte, arrays map[string]func(item) bool) (dropped int, err error) {
	if len(body) > maxDocument {
		return 0, fmt.Errorf("%w: a listing longer than %d MiB", ErrBody, maxDocument>>20)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return 0, fmt.Errorf("%w: a listing that is not a JSON object", ErrBody)
	}
	var (
		items   int
		known   bool // one of the arrays is there, if only as null
		foreign bool // it is a decision
		status  any
	)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return 0, notJSON(err)
		}
		name, _ := key.(string)
		add := arrays[name]
		foreign = foreign || name == "verification"
		if add == nil || !arrayFollows(body[dec.InputOffset():]) {
			var value json.RawMessage // Decode, unlike Token, bounds the depth
			if err := dec.Decode(&value); err != nil {
				return 0, notJSON(err)
			}
			switch {
			case add == nil:
			case string(value) == "null":
				known = true
			default:
				dropped++
			}
			if name == "status" {
				json.Unmarshal(value, &status)
			}
			continue
		}
		known = true
		n, err := decodeArray(dec, maxItems-items, func(i item) {
			if !add(i) {
				dropped++
			}
		})
		if err != nil {
			return 0, err
		}
		items += n
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return 0, notJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%w: a listing with more after its end", ErrBody)
	}
	// An empty listing erases what it lacks. So it must have one of a listing's
	// arrays: every reply has a status of "success".
	switch {
	case failStatus(status):
		return 0, fmt.Errorf("%w: a listing whose status is an error's", ErrBody)
	case !known || foreign:
		return 0, fmt.Errorf("%w: a JSON object that is not a listing", ErrBody)
	}
	return dropped, nil
}

// decodeArray hands over the items of the array that comes next, up to a
// bound, and returns how many there were.
func decodeArray(dec *json.Decoder, bound int, add func(item)) (n int, err error) {
	if _, err := dec.Token(); err != nil { // the opening bracket
		return 0, notJSON(err)
	}
	for ; dec.More(); n++ {
		if n == bound {
			return 0, fmt.Errorf("%w: a listing of more than %d items", ErrBody, maxItems)
		}
		var (
			it    item
			wrong *json.UnmarshalTypeError // not an object, so without an id
		)
		if err := dec.Decode(&it); err != nil && !errors.As(err, &wrong) {
			return 0, notJSON(err)
		}
		add(it)
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return 0, notJSON(err)
	}
	return n, nil
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: a listing that is not JSON: it ends too early", ErrBody)
	}
	return fmt.Errorf("%w: a listing that is not JSON", ErrBody) // the error quotes it
}

// arrayFollows reports whether the value after an object's key is an array.
func arrayFollows(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, ": \t\r\n"), []byte("["))
}

// item holds the fields of a media file or an attempt undecoded, so that a
// wrong type costs that field alone.
type item struct {
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

// text returns a field that is a string, or "".
func text(field json.RawMessage) string {
	var s string
	if !bytes.HasPrefix(field, []byte(`"`)) || json.Unmarshal(field, &s) != nil {
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
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
