package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// member is one key of an object whose keys come in any order.
type member struct {
	key   string
	value any // marshalled; a json.RawMessage stands for itself, valid or not
}

// object is a JSON object in the order of its slice.
type object []member

// bytes encodes an object. encoding/json would sort keys and refuse the
// malformed values that a fault asks for.
func (o object) bytes() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", m.key)
		encode(&b, m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func encode(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case json.RawMessage:
		b.Write(v)
	case object:
		b.Write(v.bytes())
	case []object:
		b.WriteByte('[')
		for i, o := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(o.bytes())
		}
		b.WriteByte(']')
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			panic("sandbox: encode: " + err.Error())
		}
		b.Write(encoded)
	}
}

// shuffled puts the members in an order of its own, the same for the same seed.
func (o object) shuffled(seed uint64) object {
	r := rand.New(rand.NewPCG(seed, listDomain))
	r.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}

// newest returns the attempt that the session's media list shows.
func (s Session) newest() Attempt {
	if len(s.Attempts) == 0 {
		return Attempt{}
	}
	return s.Attempts[0]
}

// isoTime is the API's form of a time: ISO 8601 with milliseconds.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// decisionCodes are the API's codes for a decision's status.
var decisionCodes = map[string]int{
	"approved": 9001, "declined": 9102, "resubmission_requested": 9103,
	"expired": 9104, "abandoned": 9104, "review": 9121,
}

func decisionDocument(session Session) []byte {
	if session.Status == "" {
		return object{{"status", "success"}, {"verification", nil}}.bytes()
	}
	p, newest := session.Person, session.newest()
	verification := object{
		{"id", session.ID.String()},
		{"attemptId", newest.ID.String()},
		{"vendorData", nil},
		{"endUserId", nil},
		{"status", session.Status},
		{"code", decisionCodes[session.Status]},
		{"reason", decisionReason(session.Status)},
		{"person", object{
			{"firstName", p.FirstName}, {"lastName", p.LastName}, {"gender", p.Sex},
			{"dateOfBirth", p.Born}, {"nationality", p.Nationality}, {"idNumber", p.PersonalNumber},
			{"placeOfBirth", p.PlaceOfBirth},
		}},
		{"document", object{
			{"type", p.DocumentType}, {"number", p.DocumentNumber}, {"country", p.Country},
			{"validUntil", p.Expires},
		}},
	}
	if !newest.Created.IsZero() {
		verification = append(verification,
			member{"acceptanceTime", isoTime(newest.Created)},
			member{"decisionTime", isoTime(newest.Created.Add(94 * time.Second))})
	}
	return object{
		{"status", "success"}, {"verification", verification},
		{"technicalData", object{{"ip", nil}}},
	}.bytes()
}

func decisionReason(status string) any {
	switch status {
	case "declined":
		return "Document tampering suspected"
	case "resubmission_requested":
		return "Image quality: glare over the document"
	default:
		return nil
	}
}

func personDocument(session Session) []byte {
	p := session.Person
	return object{
		{"status", "success"},
		{"person", object{
			{"sessionId", session.ID.String()},
			{"firstName", p.FirstName}, {"lastName", p.LastName}, {"gender", p.Sex},
			{"dateOfBirth", p.Born}, {"yearOfBirth", p.Born[:min(4, len(p.Born))]},
			{"placeOfBirth", p.PlaceOfBirth}, {"nationality", p.Nationality},
			{"idCode", p.PersonalNumber}, {"citizenships", []string{p.Nationality}}, {"pepSanctionMatches", nil},
		}},
	}.bytes()
}

func watchlistDocument(session Session) []byte {
	p := session.Person
	return object{
		{"status", "success"},
		{"attemptId", session.newest().ID.String()},
		{"checkType", "initial_result"},
		{"vendorData", nil},
		{"matchStatus", "no_match"},
		{"searchTerm", object{{"name", p.FirstName + " " + p.LastName}, {"year", p.Born[:min(4, len(p.Born))]}}},
		{"totalHits", 0},
		{"hits", []object{}},
	}.bytes()
}
