package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"veriffs/internal/accesslog"
	"veriffs/internal/library"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// The team's store over the socket: the messages, the server's side, the client's, and
// the records.

type teamSurveyRequest struct {
	Sessions []string `json:"sessions,omitempty"`
}

type teamCollectRequest struct {
	MaxAge time.Duration `json:"max_age_ns"`
	DryRun bool          `json:"dry_run"`
}

// teamCollectReply says what was removed, even if there was an error later.
type teamCollectReply struct {
	Collected team.Collected `json:"collected"`
	Error     *failure       `json:"error,omitempty"`
}

// teamHoldsReply has an error beside the holds that can be read.
type teamHoldsReply struct {
	Holds []library.TeamHold `json:"holds"`
	Error *failure           `json:"error,omitempty"`
}

func (s *Server) handleTeam(mux *http.ServeMux) {
	answer(mux, s, http.MethodPost, pathTeamSurvey, func(ctx context.Context, ask teamSurveyRequest) (any, error) {
		ids, err := sessionsOf(ask.Sessions)
		if err != nil {
			return nil, err
		}
		return s.keeper.TeamSurvey(ctx, ids)
	})
	answer(mux, s, http.MethodPost, pathTeamHolds, func(ctx context.Context, _ struct{}) (any, error) {
		holds, err := s.keeper.TeamHolds(ctx)
		return teamHoldsReply{holds, failureOf(err)}, nil
	})
	answer(mux, s, http.MethodPost, pathTeamCollect, func(ctx context.Context, ask teamCollectRequest) (any, error) {
		if ask.MaxAge < 0 {
			return nil, fmt.Errorf("%w: an age of less than 0", errRequest)
		}
		collected, err := s.keeper.TeamCollect(ctx, ask.MaxAge, ask.DryRun)
		return teamCollectReply{collected, failureOf(err)}, nil
	})
}

// TeamSurvey asks the mount what there is in the team's store.
func (c *Client) TeamSurvey(ctx context.Context, only []veriff.SessionID) (found library.TeamSurvey, err error) {
	err = c.call(ctx, http.MethodPost, pathTeamSurvey, teamSurveyRequest{texts(only)}, &found)
	return found, err
}

// TeamHolds returns the holds of the other members, and errors as a library does.
func (c *Client) TeamHolds(ctx context.Context) ([]library.TeamHold, error) {
	var reply teamHoldsReply
	if err := c.call(ctx, http.MethodPost, pathTeamHolds, struct{}{}, &reply); err != nil {
		return nil, err
	}
	return reply.Holds, reply.Error.err()
}

// TeamCollect makes the mount remove from the team's store what is too old.
func (c *Client) TeamCollect(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	var reply teamCollectReply
	if err := c.call(ctx, http.MethodPost, pathTeamCollect, teamCollectRequest{maxAge, dryRun}, &reply); err != nil {
		return team.Collected{}, err
	}
	return reply.Collected, reply.Error.err()
}

// TeamCollect records what was removed. A dry run is none.
func (k *recorded) TeamCollect(ctx context.Context, maxAge time.Duration, dryRun bool) (team.Collected, error) {
	collected, err := k.Keeper.TeamCollect(ctx, maxAge, dryRun)
	if dryRun {
		return collected, err
	}
	r := accesslog.Record{Operation: accesslog.OpTeamGC}
	return collected, errors.Join(err, k.record(ctx, r, asked{MaxAge: maxAge.String(), Result: collected}, err))
}
