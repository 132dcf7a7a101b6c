package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"veriffs/internal/library"
	"veriffs/internal/warming"
	"veriffs/veriff"
)

// findTimeout bounds the wait for a mount to identify itself, which it does from
// memory unless it is stuck.
const findTimeout = 2 * time.Second

// Client talks to one running mount.
type Client struct {
	Mount
	socket string
	http   http.Client
}

// Find returns the running mounts of this user, sorted by mount point.
func Find(ctx context.Context) []*Client { return find(ctx, directories()) }

func find(ctx context.Context, directories []string) (found []*Client) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	var (
		asked sync.WaitGroup
		mu    sync.Mutex
		seen  = make(map[int]bool) // by process: a directory may have two names
	)
	for _, socket := range sockets(directories) {
		asked.Go(func() {
			c := newClient(socket)
			if err := c.call(ctx, http.MethodGet, pathMount, nil, &c.Mount); err != nil {
				removeStale(socket, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if !seen[c.PID] {
				seen[c.PID] = true
				found = append(found, c)
			}
		})
	}
	asked.Wait()
	slices.SortFunc(found, func(a, b *Client) int { return strings.Compare(a.Mountpoint, b.Mountpoint) })
	return found
}

func newClient(socket string) *Client {
	var dialer net.Dialer
	return &Client{socket: socket, http: http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}}
}

// ErrNoMount means that no running mount matches, ErrWhichMount that several do.
var (
	ErrNoMount    = errors.New("no mount is running")
	ErrWhichMount = errors.New("several mounts are running")
)

// Choose returns the mount on a mount point or, without one, the only mount.
func Choose(mounts []*Client, mountpoint string) (*Client, error) {
	if mountpoint != "" {
		point := canonical(mountpoint)
		for _, m := range mounts {
			if m.Mountpoint == point {
				return m, nil
			}
		}
		return nil, fmt.Errorf("%w on %s", ErrNoMount, mountpoint)
	}
	switch len(mounts) {
	case 0:
		return nil, ErrNoMount
	case 1:
		return mounts[0], nil
	}
	points := make([]string, len(mounts))
	for i, m := range mounts {
		points[i] = m.Mountpoint
	}
	return nil, fmt.Errorf("%w: %s", ErrWhichMount, strings.Join(points, ", "))
}

// canonical resolves symbolic links on the way to a mount point, but not the
// mount point itself: that would need the mount to answer.
func canonical(mountpoint string) string {
	if abs, err := filepath.Abs(mountpoint); err == nil {
		mountpoint = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(mountpoint)); err == nil {
		return filepath.Join(dir, filepath.Base(mountpoint))
	}
	return mountpoint
}

// Status returns the mount's state.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	err = c.call(ctx, http.MethodGet, pathStatus, nil, &s)
	return s, err
}

// Warm makes the mount fetch files into its cache, until ctx ends.
func (c *Client) Warm(ctx context.Context, o warming.Options, progress func(warming.Progress)) (warming.Progress, error) {
	ask := warmRequest{Sessions: texts(o.Sessions), Names: o.Names, Selection: o.Selection, Team: o.Team}
	var last warming.Progress
	body, err := c.send(ctx, http.MethodPost, pathWarm, ask)
	if err != nil {
		return last, err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; {
		var line warmLine
		if err := lines.Decode(&line); err != nil {
			return last, c.lost(ctx, err)
		}
		switch {
		case line.Result != nil:
			return *line.Result, line.Error.err()
		case line.Progress != nil:
			last = *line.Progress
			if progress != nil {
				progress(last)
			}
		}
	}
}

// EraseSession makes the mount erase everything it has of a session.
func (c *Client) EraseSession(ctx context.Context, id veriff.SessionID) (library.Erasure, error) {
	return c.purge(ctx, purgeRequest{Session: id.String()})
}

// EraseAll makes the mount erase its whole cache, or all but what is held.
func (c *Client) EraseAll(ctx context.Context, exceptHeld bool) (library.Erasure, error) {
	return c.purge(ctx, purgeRequest{All: true, Except: exceptHeld})
}

func (c *Client) purge(ctx context.Context, ask purgeRequest) (library.Erasure, error) {
	var reply purgeReply
	if err := c.call(ctx, http.MethodPost, pathPurge, ask, &reply); err != nil {
		return library.Erasure{}, err
	}
	return reply.Erasure, reply.Error.err()
}

// Evict makes the mount drop the named files from its cache, or all if there are
// no names.
func (c *Client) Evict(ctx context.Context, names []string) (e library.Evicted, err error) {
	err = c.call(ctx, http.MethodPost, pathEvict, evictRequest{Names: names, All: len(names) == 0}, &e)
	return e, err
}

// Pin makes the mount keep the files of a name in its cache.
func (c *Client) Pin(ctx context.Context, name string) (p library.Pinned, err error) {
	err = c.call(ctx, http.MethodPost, pathPin, pinRequest{Name: name}, &p)
	return p, err
}

// Unpin undoes Pin.
func (c *Client) Unpin(ctx context.Context, name string) (p library.Pinned, err error) {
	err = c.call(ctx, http.MethodPost, pathUnpin, pinRequest{Name: name}, &p)
	return p, err
}

// Audit makes the mount check everything in its cache.
func (c *Client) Audit(ctx context.Context) (a library.Audited, err error) {
	err = c.call(ctx, http.MethodPost, pathAudit, struct{}{}, &a)
	return a, err
}

// call sends a request and decodes its answer.
func (c *Client) call(ctx context.Context, method, path string, ask, answer any) error {
	body, err := c.send(ctx, method, path, ask)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(answer); err != nil {
		return c.lost(ctx, err)
	}
	return nil
}

// send sends a request and returns the body of its answer, if that is a success.
func (c *Client) send(ctx context.Context, method, path string, ask any) (io.ReadCloser, error) {
	var content io.Reader
	if ask != nil {
		b, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://veriffs"+path, content)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	f := new(failure)
	if err := json.NewDecoder(resp.Body).Decode(f); err != nil || f.Text == "" {
		return nil, fmt.Errorf("control: the mount on %s answered with HTTP status %d", c.Mountpoint, resp.StatusCode)
	}
	return nil, f
}

// lost explains a missing or incomplete answer.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("control: the mount on %s %w: %w", c.Mountpoint, ErrNoAnswer, err)
}
