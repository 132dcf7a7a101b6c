package veriff

import (
	"fmt"
	"time"

	"veriffs/veriff/items"
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

// DecodeMediaList reads the body of a media listing. A field or item that is
// not as documented costs that field or item alone. A body that is not JSON,
// not a media listing, an error of the API's, longer than 32 MiB or of more
// than 100,000 items is an error within ErrBody. Of the Document, only Body is
// set.
func DecodeMediaList(body []byte) (MediaList, error) {
	list := MediaList{Document: Document{Body: body}}
	seen := make(map[MediaID]struct{})
	of := func(kind Kind) func(items.Item) bool {
		return func(i items.Item) bool {
			id, err := ParseMediaID(i.ID)
			if err != nil {
				return false
			}
			if _, again := seen[id]; again {
				return true
			}
			seen[id] = struct{}{}
			session, _ := ParseSessionID(i.SessionID)
			list.Items = append(list.Items, Media{
				ID: id, Session: session, Kind: kind,
				Name: i.Name, Context: i.Context, MIMEType: i.MIMEType, Size: i.Size, Duration: i.Duration,
			})
			return true
		}
	}
	var err error
	list.Dropped, err = decodeList(body, map[string]func(items.Item) bool{
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
	list.Dropped, err = decodeList(body, map[string]func(items.Item) bool{"verifications": func(i items.Item) bool {
		id, err := ParseAttemptID(i.ID)
		if err != nil {
			return false
		}
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			list.Items = append(list.Items, Attempt{ID: id, Status: i.Status, Created: i.Created})
		}
		return true
	}})
	if err != nil {
		return AttemptList{}, err
	}
	return list, nil
}

// decodeList hands each item of a listing to the function of its array, which reports
// whether it can use it, and returns how many items and arrays were of no use.
func decodeList(body []byte, arrays map[string]func(items.Item) bool) (dropped int, err error) {
	if len(body) > maxDocument {
		return 0, fmt.Errorf("%w: a listing longer than %d MiB", ErrBody, maxDocument>>20)
	}
	found, err := items.Decode(body, arrays)
	// An empty listing erases what it lacks. So it must have one of a listing's
	// arrays: every reply has a status of "success".
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", ErrBody, err)
	case failStatus(found.Status):
		return 0, fmt.Errorf("%w: a listing whose status is an error's", ErrBody)
	case !found.Listing:
		return 0, fmt.Errorf("%w: a JSON object that is not a listing", ErrBody)
	}
	return found.Dropped, nil
}
