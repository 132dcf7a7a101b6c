package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/retention"
	"veriffs/veriff"
)

// Holds over the socket: the messages, the server's side and the client's.

type holdRequest struct {
	Session string    `json:"session"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	Until   time.Time `json:"until,omitzero"`
}

type holdReply struct {
	Held  library.Held `json:"held"`
	Error *failure     `json:"error,omitempty"`
}

// holdsReply has Unreadable or Foreign if there are holds that the mount can't list.
type holdsReply struct {
	Holds      []library.Hold `json:"holds"`
	Unreadable *failure       `json:"unreadable,omitempty"`
	Foreign    int            `json:"foreign,omitempty"` // secrets that are not configured and have sealed holds
}

type releaseRequest struct {
	Session    string `json:"session,omitempty"`
	Unreadable bool   `json:"unreadable,omitempty"` // exactly one of the two is set
	Reason     string `json:"reason"`
	StoreGone  bool   `json:"store_gone,omitempty"`
}

type retentionRequest struct {
	Sessions []string `json:"sessions,omitempty"`
}

type deleteRequest struct {
	Session string `json:"session"`
}

type deleteReply struct {
	Deletion veriff.Deletion `json:"deletion"`
	Error    *failure        `json:"error,omitempty"`
}

func (s *Server) handleHolds(mux *http.ServeMux) {
	answer(mux, s, http.MethodPost, pathHold, func(ctx context.Context, ask holdRequest) (any, error) {
		id, err := session(ask.Session)
		if err != nil {
			return nil, err
		}
		held, err := s.keeper.Hold(ctx, library.HoldOptions{Session: id, Reason: ask.Reason, By: ask.By, Until: ask.Until})
		return holdReply{held, failureOf(err)}, nil
	})
	answer(mux, s, http.MethodPost, pathHolds, func(ctx context.Context, _ struct{}) (any, error) {
		holds, err := s.keeper.Holds(ctx)
		var others *library.HeldError
		if errors.As(err, &others) {
			return holdsReply{holds, failureOf(others.Unreadable), others.Foreign}, nil
		}
		return holdsReply{Holds: holds}, err
	})
	answer(mux, s, http.MethodPost, pathRelease, func(ctx context.Context, ask releaseRequest) (any, error) {
		if ask.Unreadable {
			return library.Hold{}, s.keeper.ReleaseUnreadable(ctx, ask.Reason)
		}
		id, err := session(ask.Session)
		if err != nil {
			return nil, err
		}
		return s.keeper.Release(ctx, library.ReleaseOptions{Session: id, Reason: ask.Reason, StoreGone: ask.StoreGone})
	})
	answer(mux, s, http.MethodPost, pathRetain, func(ctx context.Context, ask retentionRequest) (any, error) {
		only, err := sessionsOf(ask.Sessions)
		if err != nil {
			return nil, err
		}
		return s.keeper.Retention(ctx, only)
	})
	answer(mux, s, http.MethodPost, pathDelete, func(ctx context.Context, ask deleteRequest) (any, error) {
		id, err := session(ask.Session)
		if err != nil {
			return nil, err
		}
		d, err := s.keeper.DeleteAtVeriff(ctx, id)
		return deleteReply{d, failureOf(err)}, nil
	})
}

// Hold makes the mount hold a session.
func (c *Client) Hold(ctx context.Context, o library.HoldOptions) (library.Held, error) {
	var reply holdReply
	ask := holdRequest{Session: o.Session.String(), Reason: o.Reason, By: o.By, Until: o.Until}
	if err := c.call(ctx, http.MethodPost, pathHold, ask, &reply); err != nil {
		return library.Held{}, err
	}
	return reply.Held, reply.Error.err()
}

// Holds returns the mount's holds, and errors as its library does.
func (c *Client) Holds(ctx context.Context) ([]library.Hold, error) {
	var reply holdsReply
	if err := c.call(ctx, http.MethodPost, pathHolds, struct{}{}, &reply); err != nil {
		return nil, err
	}
	return reply.Holds, (&library.HeldError{Unreadable: reply.Unreadable.err(), Foreign: reply.Foreign}).OrNil()
}

// Release makes the mount end the hold of a session.
func (c *Client) Release(ctx context.Context, o library.ReleaseOptions) (h library.Hold, err error) {
	ask := releaseRequest{Session: o.Session.String(), Reason: o.Reason, StoreGone: o.StoreGone}
	err = c.call(ctx, http.MethodPost, pathRelease, ask, &h)
	return h, err
}

// ReleaseUnreadable makes the mount give up the holds whose records can't be read.
func (c *Client) ReleaseUnreadable(ctx context.Context, reason string) error {
	return c.call(ctx, http.MethodPost, pathRelease, releaseRequest{Unreadable: true, Reason: reason}, new(library.Hold))
}

// Retention asks the mount why sessions are in its cache.
func (c *Client) Retention(ctx context.Context, only []veriff.SessionID) (r retention.Report, err error) {
	err = c.call(ctx, http.MethodPost, pathRetain, retentionRequest{texts(only)}, &r)
	return r, err
}

// DeleteAtVeriff makes the mount ask Veriff to delete a session. If the mount does not
// answer, nobody knows whether it did.
func (c *Client) DeleteAtVeriff(ctx context.Context, id veriff.SessionID) (veriff.Deletion, error) {
	var reply deleteReply
	if err := c.call(ctx, http.MethodPost, pathDelete, deleteRequest{Session: id.String()}, &reply); err != nil {
		return veriff.Deletion{Session: id.String(), Uncertain: true}, fmt.Errorf("%w: %w", veriff.ErrUncertain, err)
	}
	return reply.Deletion, reply.Error.err()
}
