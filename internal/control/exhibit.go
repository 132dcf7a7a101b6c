package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/exhibit"
	"veriffs/veriff"
)

var _ exhibit.Source = (*Client)(nil)

func (s *Server) handleExhibits(mux *http.ServeMux) {
	answer(mux, s, http.MethodPost, pathList, func(ctx context.Context, ask listRequest) (any, error) {
		id, err := session(ask.Session)
		if err != nil {
			return nil, err
		}
		return s.exhibits.Exhibits(ctx, id, ask.Want)
	})
	mux.HandleFunc("POST "+pathOpen, s.open)
	answer(mux, s, http.MethodPost, pathProve, s.prove)
}

// open answers with the item's origin on a line, then its bytes. A body that is
// cut ends the connection, so that the client notices.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	var ask openRequest
	if !s.read(w, r, &ask) {
		return
	}
	body, origin, err := s.exhibits.OpenExhibit(r.Context(), ask.Item)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer body.Close()
	line, err := json.Marshal(origin)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(int64(len(line))+1+origin.Size, 10))
	if _, err := w.Write(append(line, '\n')); err != nil {
		return // the client is gone
	}
	if _, err := io.Copy(w, body); err != nil {
		s.log.Debug("an export was cut", "error", err)
		panic(http.ErrAbortHandler)
	}
}

// Exhibits has the mount list what there is of a session.
func (c *Client) Exhibits(ctx context.Context, id veriff.SessionID, want exhibit.Selection) (v exhibit.Inventory, err error) {
	err = c.call(ctx, http.MethodPost, pathList, listRequest{Session: id.String(), Want: want}, &v)
	return v, err
}

// OpenExhibit has the mount hand out an item.
func (c *Client) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	var origin exhibit.Origin
	body, err := c.send(ctx, http.MethodPost, pathOpen, openRequest{i})
	if err != nil {
		return nil, origin, err
	}
	buffered := bufio.NewReaderSize(body, 64<<10)
	line, err := buffered.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &origin)
	}
	if err != nil {
		body.Close()
		return nil, origin, c.lost(ctx, err)
	}
	return &handedOut{buffered, body}, origin, nil
}

// handedOut is the rest of an answer.
type handedOut struct {
	io.Reader
	io.Closer
}

// prove answers with the access log's records of sessions.
func (s *Server) prove(_ context.Context, ask proveRequest) (any, error) {
	switch {
	case len(ask.Sessions) == 0:
		return nil, fmt.Errorf("%w: no sessions", errRequest)
	case s.records == nil:
		return proveReply{}, nil
	}
	proof, err := s.records.Prove(accesslog.Filter{Sessions: ask.Sessions})
	return proveReply{proof}, err
}

// Prove has the mount prove its access log's records of sessions. The proof is nil
// if it keeps no log.
func (c *Client) Prove(ctx context.Context, sessions []string) (*audit.Proof, error) {
	var reply proveReply
	err := c.call(ctx, http.MethodPost, pathProve, proveRequest{sessions}, &reply)
	return reply.Proof, err
}

// RecordedExhibits returns a source that has each opening recorded, as an export by
// the process at the other end of the control socket or else by this process, before
// it succeeds. If the record fails, so does the opening.
func RecordedExhibits(s exhibit.Source, to accesslog.Recorder) exhibit.Source {
	return &recordedExhibits{s, to}
}

type recordedExhibits struct {
	exhibit.Source
	log accesslog.Recorder
}

func (s *recordedExhibits) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	body, o, err := s.Source.OpenExhibit(ctx, i)
	who := peerOf(ctx)
	r := accesslog.Record{
		Operation: accesslog.OpExport, Outcome: accesslog.Success, Caller: &who,
		Session: i.Session, Attempt: i.Attempt, Media: i.Media, Context: i.Context,
		Size: o.Size, SHA256: o.SHA256, SecretID: o.SecretID,
	}
	if i.Kind == exhibit.Document {
		r.Document = i.Name
	}
	if err == nil { // what was opened, and not what was asked for
		if r.Attempt, r.Context = o.Attempt, o.Context; o.Session != "" {
			r.Session = o.Session
		}
	}
	switch {
	case err != nil:
		r.Outcome, r.Error = accesslog.Failed, err.Error()
		if errors.Is(err, veriff.ErrRefused) {
			r.Outcome = accesslog.Refused
		}
	case o.Fetched:
		r.From = accesslog.FromAPI
	case o.Shared:
		r.From = accesslog.FromTeam
	default:
		r.From = accesslog.FromCache
	}
	wrote := s.log.Record(ctx, r)
	if err == nil && wrote != nil {
		body.Close()
		return nil, exhibit.Origin{}, fmt.Errorf("control: what can't be recorded is not handed out: %w", wrote)
	}
	return body, o, err
}
