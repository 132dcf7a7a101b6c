package accesslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Anchor is a place outside of the log where checkpoints are kept, out of reach of
// those whom the log is about.
type Anchor interface {
	// Name is what messages call it.
	Name() string
	// Publish keeps a checkpoint, in the form of a signed note. It must end when
	// ctx does.
	Publish(ctx context.Context, checkpoint []byte) error
}

// ParseAnchor makes an anchor of what --access-log-anchor says:
//
//	syslog:       the system's log, facility authpriv
//	exec:COMMAND  a command of the shell, with the checkpoint on standard input
//	file:PATH     a file that checkpoints are appended to, such as on another machine
func ParseAnchor(text string) (Anchor, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "syslog:":
		return syslogAnchor{}, nil
	case kind == "exec" && rest != "":
		return execAnchor(rest), nil
	case kind == "file" && rest != "":
		path, err := filepath.Abs(rest) // a background process changes its directory
		return fileAnchor(path), err
	}
	return nil, fmt.Errorf("must be syslog:, exec:COMMAND or file:PATH, not %q", text)
}

type execAnchor string

func (a execAnchor) Name() string { return "exec:" + string(a) }

func (a execAnchor) Publish(ctx context.Context, checkpoint []byte) error {
	c := exec.CommandContext(ctx, "/bin/sh", "-c", string(a))
	c.Stdin = bytes.NewReader(checkpoint)
	c.WaitDelay = time.Second // for grandchildren that keep the pipe
	c.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return unix.Kill(-c.Process.Pid, unix.SIGKILL) }
	var said bytes.Buffer
	c.Stderr = &limited{&said, 1000}
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// limited drops what exceeds left bytes.
type limited struct {
	*bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	l.Buffer.Write(b[:n])
	return len(b), nil
}

type fileAnchor string

func (a fileAnchor) Name() string { return "file:" + string(a) }

func (a fileAnchor) Publish(_ context.Context, checkpoint []byte) error {
	f, err := os.OpenFile(string(a), os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	// A blank line ends the note, so that many can be told apart.
	_, err = f.Write(append(checkpoint[:len(checkpoint):len(checkpoint)], '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// Times of publishing.
const (
	publishEvery    = time.Minute
	publishPatience = 30 * time.Second
	farewell        = 10 * time.Second // for all anchors, at the end
)

// publisher sends checkpoints to the anchors, each on its own, so that nobody waits
// for them.
type publisher struct {
	anchors []Anchor
	log     *slog.Logger

	mu       sync.Mutex
	size     int64
	text     []byte
	failures uint64
	taken    []AnchorStatus // by each anchor

	grown   []chan struct{} // one for each anchor
	stopped chan struct{}
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func newPublisher(anchors []Anchor, log *slog.Logger) *publisher {
	p := &publisher{anchors: anchors, log: log, stopped: make(chan struct{}), taken: make([]AnchorStatus, len(anchors))}
	for range anchors {
		p.grown = append(p.grown, make(chan struct{}, 1))
	}
	return p
}

// offer says what the newest checkpoint is.
func (p *publisher) offer(size int64, text []byte) {
	if len(p.anchors) == 0 || size == 0 {
		return
	}
	p.mu.Lock()
	grown := size > p.size
	if grown {
		p.size, p.text = size, text
	}
	p.mu.Unlock()
	if grown {
		for _, c := range p.grown {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

func (p *publisher) start() {
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	for i, a := range p.anchors {
		p.workers.Go(func() { p.serve(ctx, i, a) })
	}
}

// stop sends the newest checkpoint where it is not known yet.
func (p *publisher) stop() {
	close(p.stopped)
	timer := time.AfterFunc(farewell, p.cancel)
	p.workers.Wait()
	timer.Stop()
	p.cancel()
}

// serve publishes to one anchor, at most once in publishEvery.
func (p *publisher) serve(ctx context.Context, i int, a Anchor) {
	var (
		known   int64 // records of the last checkpoint that it has
		pause   <-chan time.Time
		failing bool
	)
	for ended := false; !ended; {
		if pause == nil {
			select {
			case <-p.grown[i]:
			case <-p.stopped:
				ended = true
			}
		} else {
			select {
			case <-pause:
			case <-p.stopped:
				ended = true
			}
		}
		pause = nil
		p.mu.Lock()
		size, text := p.size, p.text
		p.mu.Unlock()
		if size == known {
			continue
		}
		pause = time.After(publishEvery)
		err := p.publish(ctx, a, text)
		if err == nil {
			known = size
			p.took(i, size)
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				p.log.Error("an anchor does not take the access log's checkpoint; it is tried again", "anchor", a.Name(), "error", err)
			} else {
				p.log.Warn("an anchor takes the access log's checkpoints again", "anchor", a.Name())
			}
		}
	}
}

// publish sends one checkpoint, and survives an anchor that panics.
func (p *publisher) publish(ctx context.Context, a Anchor, text []byte) (err error) {
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
		if err != nil {
			p.mu.Lock()
			p.failures++
			p.mu.Unlock()
		}
	}()
	return a.Publish(ctx, text)
}
