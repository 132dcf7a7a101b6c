package sessionlist

import (
	"encoding/json"
	"errors"

	"veriffs/veriff"
)

// Kind is the kind of a webhook.
type Kind string

// The kinds of webhook that DecodeBody understands.
const (
	Event        Kind = "event"
	Decision     Kind = "decision"
	CustomStatus Kind = "custom status"
)

// Body is all that is ever taken from a webhook's body. The rest may be
// personal data and is dropped.
type Body struct {
	Session veriff.SessionID
	Kind    Kind
	Action  string // of an event: started, submitted; of a decision: its status; of a custom status: its type. "" unless a plain word
	Code    int    // 0 if there is none
}

// ErrNoSession is returned for JSON without a session id where webhooks have it.
var ErrNoSession = errors.New("no session id in it")

// DecodeBody takes the session out of an event, decision or custom-status
// webhook's body. Errors never quote the body.
func DecodeBody(body []byte) (Body, error) {
	var wire struct {
		ID           string `json:"id"`
		SessionID    string `json:"sessionId"`
		Action       string `json:"action"`
		EventType    string `json:"eventType"`
		Code         int    `json:"code"`
		Verification struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			Code   int    `json:"code"`
		} `json:"verification"`
		Data struct {
			Verification struct {
				ID string `json:"id"`
			} `json:"verification"`
		} `json:"data"`
	}
	// A field of an unexpected type counts as absent; the others are decoded.
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &wire); err != nil && !errors.As(err, &other) {
		return Body{}, errJSON
	}
	for _, b := range []struct {
		id     string
		kind   Kind
		action string
		code   int
	}{
		{wire.Verification.ID, Decision, wire.Verification.Status, wire.Verification.Code},
		{wire.Data.Verification.ID, CustomStatus, wire.EventType, 0},
		{wire.SessionID, CustomStatus, wire.EventType, 0},
		{wire.ID, Event, wire.Action, wire.Code},
	} {
		if b.id == "" {
			continue
		}
		id, err := veriff.ParseSessionID(b.id)
		if err != nil {
			return Body{}, ErrNoSession
		}
		return Body{Session: id, Kind: b.kind, Action: word(b.action), Code: b.code}, nil
	}
	return Body{}, ErrNoSession
}

// word returns s if it is a short lower-case word, as the documented actions
// are. Nothing else may reach a log.
func word(s string) string {
	if len(s) > 32 {
		return ""
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '_' {
			return ""
		}
	}
	return s
}
