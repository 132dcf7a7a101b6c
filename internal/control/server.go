package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/caller"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/internal/listener"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// The limits of a listener. A slow client is disconnected. If there are too many
// connections, so is the oldest one without a request in progress.
const (
	maxConnections = 64
	maxHeader      = 16 << 10 // bytes
)

// timeouts bound how long a peer may take to ask and to read the answer.
type timeouts struct {
	header, body, idle time.Duration
	answer             time.Duration // of the metrics over TCP
}

var defaultTimeouts = timeouts{header: 10 * time.Second, body: 30 * time.Second, idle: 2 * time.Minute, answer: 30 * time.Second}

// Library is what a server offers to others.
type Library interface {
	Keeper
	Stats() library.Stats
}

// AccessLog is an access log that tells how it is.
type AccessLog interface {
	accesslog.Recorder
	Status() accesslog.Status
	Prove(accesslog.Filter) (*audit.Proof, error)
}

// Options is what a Server is made of.
type Options struct {
	Library Library
	// Exhibits is what the server hands out for exports. It has them recorded.
	Exhibits exhibit.Source
	Mount    Mount
	// Metrics, if not empty, is a TCP address (host:port) that also serves the
	// metrics, and nothing else.
	Metrics string
	// Bandwidth is at most how many bytes of files are fetched a second, for the status; 0: no
	// limit.
	Bandwidth int64
	// AccessLog gets a record of each command, and is shown in the status; nil: none.
	AccessLog AccessLog
	// Arguments adds the command lines of those who command to the records.
	Arguments bool
	Logger    *slog.Logger

	directories []string  // in place of the user's, in tests
	timeouts    *timeouts // in place of the default, in tests
}

// Server speaks for a running mount.
type Server struct {
	library  Library
	keeper   Keeper // the library, with records
	exhibits exhibit.Source
	records  AccessLog
	callers  *caller.Resolver // with records
	mount    Mount
	limit    int64 // bytes a second
	log      *slog.Logger
	patient  timeouts

	life   context.Context // ends with Close, and every request with it
	cancel context.CancelFunc
	http   []*http.Server
	work   sync.WaitGroup // serving and requests

	mu     sync.Mutex
	closed bool // no request begins any more
}

// Serve makes the socket and answers on it until Close.
func Serve(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.directories == nil {
		o.directories = directories()
	}
	o.Mount.Mountpoint = canonical(o.Mount.Mountpoint)
	s := &Server{library: o.Library, keeper: o.Library, exhibits: o.Exhibits, records: o.AccessLog, mount: o.Mount, limit: o.Bandwidth, log: o.Logger, patient: defaultTimeouts}
	if o.timeouts != nil {
		s.patient = *o.timeouts
	}
	socket, err := listen(o.directories, o.Logger)
	if err != nil {
		return nil, err
	}
	if o.AccessLog != nil {
		s.keeper = Recorded(o.Library, o.AccessLog)
		s.exhibits = RecordedExhibits(o.Exhibits, o.AccessLog)
		s.callers = caller.New(caller.Options{Arguments: o.Arguments}) // fs has logged if it is blind
		socket.callers = s.callers
	}
	var tcp net.Listener
	if o.Metrics != "" {
		if tcp, err = net.Listen("tcp", o.Metrics); err != nil {
			socket.Close()
			return nil, fmt.Errorf("control: listen for metrics: %w", err)
		}
		o.Logger.Info("metrics are served", "address", tcp.Addr())
		warnUnlessLoopback(tcp.Addr(), o.Logger)
	}
	s.life, s.cancel = context.WithCancel(context.Background())
	metrics := promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn)})
	// Requests of this user's processes may take hours, so they have no timeout.
	s.serve(socket, &http.Server{Handler: held(s.handler(metrics))})
	if tcp != nil {
		mux := http.NewServeMux()
		mux.Handle("GET "+pathMetrics, metrics)
		s.serve(tcp, &http.Server{Handler: mux, ReadTimeout: s.patient.header, WriteTimeout: s.patient.answer})
	}
	return s, nil
}

func warnUnlessLoopback(addr net.Addr, log *slog.Logger) {
	if a, ok := addr.(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("other machines can read the metrics, without a password", "address", addr)
	}
}

// Close ends every request, removes the socket, and returns once the server no
// longer uses the library.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	for _, server := range s.http {
		server.Close()
	}
	s.work.Wait()
	if s.callers != nil {
		s.callers.Close()
	}
}

func (s *Server) serve(l net.Listener, server *http.Server) {
	server.Handler = s.counted(server.Handler)
	server.BaseContext = func(net.Listener) context.Context { return s.life }
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return listener.ConnContext(withPeer(ctx, c), c)
	}
	server.ReadHeaderTimeout, server.IdleTimeout, server.MaxHeaderBytes = s.patient.header, s.patient.idle, maxHeader
	// A panic of a handler is recovered and logged by the server.
	server.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelError)
	s.http = append(s.http, server)
	s.work.Go(func() {
		if err := server.Serve(listener.Bound(l, maxConnections, s.log)); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("control listener failed", "address", l.Addr(), "error", err)
		}
	})
}

// counted lets Close wait for requests; http.Server.Close does not.
func (s *Server) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return
		}
		s.work.Add(1)
		s.mu.Unlock()
		defer s.work.Done()
		h.ServeHTTP(w, r)
	})
}

// held protects connections with a request in progress from being closed for room.
func held(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer listener.Hold(r.Context())()
		h.ServeHTTP(w, r)
	})
}

func (s *Server) handler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+pathMetrics, metrics)
	mux.HandleFunc("GET "+pathMount, func(w http.ResponseWriter, _ *http.Request) { s.reply(w, s.mount) })
	mux.HandleFunc("GET "+pathStatus, func(w http.ResponseWriter, _ *http.Request) { s.reply(w, s.Status()) })
	mux.HandleFunc("POST "+pathWarm, s.warm)
	answer(mux, s, http.MethodPost, pathPurge, s.purge)
	answer(mux, s, http.MethodPost, pathEvict, func(ctx context.Context, ask evictRequest) (any, error) {
		if ask.All == (len(ask.Names) > 0) {
			return nil, fmt.Errorf("%w: either names or all", errRequest)
		}
		return s.keeper.Evict(ctx, ask.Names)
	})
	answer(mux, s, http.MethodPost, pathPin, func(ctx context.Context, ask pinRequest) (any, error) { return s.keeper.Pin(ctx, ask.Name) })
	answer(mux, s, http.MethodPost, pathUnpin, func(ctx context.Context, ask pinRequest) (any, error) { return s.keeper.Unpin(ctx, ask.Name) })
	answer(mux, s, http.MethodPost, pathAudit, func(ctx context.Context, _ struct{}) (any, error) { return s.keeper.Audit(ctx) })
	s.handleHolds(mux)
	s.handleTeam(mux)
	s.handleReceipts(mux)
	s.handleExhibits(mux)
	return mux
}

// Status returns the mount's state.
func (s *Server) Status() Status {
	st := statusOf(s.mount, s.library.Stats())
	st.Bandwidth = s.limit
	if s.records != nil {
		log := s.records.Status()
		st.AccessLog = &log
	}
	return st
}

func (s *Server) warm(w http.ResponseWriter, r *http.Request) {
	var ask warmRequest
	if !s.read(w, r, &ask) {
		return
	}
	ids, err := sessionsOf(ask.Sessions)
	if err != nil {
		s.fail(w, err)
		return
	}
	options := warming.Options{Sessions: ids, Names: ask.Names, Selection: ask.Selection, Team: ask.Team}
	lines := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	result, err := s.keeper.Warm(r.Context(), options, func(p warming.Progress) {
		// A client that is gone ends the request's context.
		_ = lines.Encode(warmLine{Progress: &p})
		_ = flush.Flush()
	})
	_ = lines.Encode(warmLine{Result: &result, Error: failureOf(err)})
}

func (s *Server) purge(ctx context.Context, ask purgeRequest) (any, error) {
	var (
		erasure library.Erasure
		err     error
	)
	switch id, bad := veriff.ParseSessionID(ask.Session); {
	case ask.All && ask.Session == "":
		erasure, err = s.keeper.EraseAll(ctx, ask.Except)
	case !ask.All && bad == nil && !ask.Except:
		erasure, err = s.keeper.EraseSession(ctx, id)
	default:
		return nil, fmt.Errorf("%w: either a session or all", errRequest)
	}
	return purgeReply{Erasure: erasure, Error: failureOf(err)}, nil
}

// answer has requests of one kind answered by f.
func answer[Ask any](mux *http.ServeMux, s *Server, method, path string, f func(context.Context, Ask) (any, error)) {
	mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		var ask Ask
		if !s.read(w, r, &ask) {
			return
		}
		reply, err := f(r.Context(), ask)
		if err != nil {
			s.fail(w, err)
			return
		}
		s.reply(w, reply)
	})
}

// read decodes a request. If that fails, it answers the client.
func (s *Server) read(w http.ResponseWriter, r *http.Request, ask any) bool {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(s.patient.body))
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	err := d.Decode(ask)
	if err == nil {
		// Once the body is read to its end, the server notices when the client goes away.
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			_ = conn.SetReadDeadline(time.Time{}) // the work may take hours
			return true
		}
		err = errors.New("more than one value")
	}
	s.fail(w, fmt.Errorf("%w: %w", errRequest, err))
	return false
}

func (s *Server) reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.Debug("can't send an answer on the control socket", "error", err)
	}
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, errRequest) {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failureOf(err))
}
