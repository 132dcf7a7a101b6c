package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// purge is a Purge or PurgeAll at work.
type purge struct {
	Report
	c     *Cache
	st    *store
	match func(Key, []byte, time.Time) bool
	all   bool // also pins, and what other secrets left
}

// run scans until a scan finds nothing.
func (p *purge) run(ctx context.Context) (err error) {
	defer func() { p.st.recent.Clear() }() // also of what somebody else has removed
	for p.Scans < 4 {
		p.Remaining, p.Unreadable, p.Held = 0, 0, 0
		err := p.scan(ctx)
		p.Scans++
		if err != nil {
			return err
		}
		if p.Remaining == 0 && (!p.all || p.Pins == 0) {
			break
		}
	}
	if beside := p.c.opts.Beside; beside != "" {
		if p.Beside, err = directory.CountObjects(beside); err != nil {
			return err
		}
	}
	if p.Replaced, err = p.st.dir.Replaced(); err != nil {
		return err
	}
	switch {
	case p.Remaining > 0:
		return fmt.Errorf("%d objects keep coming back", p.Remaining)
	case p.all && p.Pins > 0:
		return fmt.Errorf("%d pins keep coming back", p.Pins)
	}
	return nil
}

// scan reads every header once. What matches counts as remaining and is
// erased, so that only a scan that finds nothing is a proof. An object that
// can't be read or removed keeps no other from being erased.
func (p *purge) scan(ctx context.Context) error {
	p.st = p.c.store.Load()
	var failed error // the first
	if p.all {
		failed = p.st.unpinAll()
	}
	err := p.st.walk(ctx, func(f index.Object, _ int64) (bool, error) {
		erased, err := p.object(f)
		if err != nil && failed == nil {
			failed = fmt.Errorf("object %s: %w", f.Name, err)
		}
		return erased, nil
	})
	if err == nil {
		err = p.foreign(ctx)
	}
	if err == nil {
		var tags []string
		for _, s := range p.st.secrets {
			tags = append(tags, s.Dir())
		}
		p.Unknown, err = p.st.dir.Unknown(tags)
	}
	if err == nil {
		err = p.countPins()
	}
	return errors.Join(failed, err)
}

// object erases an object of ours if it matches or is damaged.
func (p *purge) object(f index.Object) (erased bool, err error) {
	file, _, h, err := p.st.openFile(f.Secret, f.Name, nil)
	if err == nil {
		file.Close()
	}
	switch {
	case errors.Is(err, seal.ErrSeal):
		err = p.st.discard(f.Secret, f.Name, "", f.Inode, err)
		if erased = err == nil; erased {
			p.Damaged++
		}
	case err != nil:
	case !p.match(h.Key, h.Label, h.Stored):
		p.Examined++
		return false, nil
	case p.st.index.IsKept(f.Name):
		p.Examined++
		p.Held++
		return false, nil
	default:
		p.Examined++
		p.Remaining++
		erased, err = p.erase(f, h)
	}
	if errors.Is(err, errRaced) || errors.Is(err, fs.ErrNotExist) {
		return false, nil // replaced or gone: the next scan sees
	}
	return erased, err
}

func (p *purge) erase(f index.Object, h *seal.Header) (erased bool, err error) {
	open := p.st.index.IsOpen(f.Name, f.Entry)
	if err := p.st.unlink(f.Secret, f.Name, f.Inode); err != nil {
		return false, err
	}
	p.report(f.String(), f.Size, h.Stored)
	if open {
		p.Open++
	}
	return true, p.c.unpin(h.Key)
}

func (p *purge) report(hash string, bytes int64, stored time.Time) {
	p.Erased = append(p.Erased, Erased{Hash: hash, Bytes: bytes, Stored: stored})
	p.Bytes += bytes
}

// countPins counts the pinned names of all secrets, and lists what lies among
// them and is not the cache's.
func (p *purge) countPins() error {
	p.Pins = 0
	tags, err := p.st.dir.Tags()
	for _, tag := range tags {
		pinned, unknown, err := pins(p.st.dir.Secret(tag))
		if err != nil {
			return err
		}
		p.Pins += int64(len(pinned))
		for _, name := range unknown {
			p.Unknown = append(p.Unknown, p.st.dir.Secret(tag).PinDir()+"/"+name)
		}
	}
	return err
}

// foreign counts the objects that can't be read, or erases them, too.
func (p *purge) foreign(ctx context.Context) error {
	// What a crash of an ephemeral cache left is to go anyway.
	sweep := p.all || p.c.opts.Ephemeral
	held, err := p.st.foreign.holds()
	if err != nil {
		return err
	}
	sweep = sweep && len(held) == 0
	tags, err := p.st.foreign.tags()
	for _, tag := range tags {
		if !sweep {
			n, err := p.st.foreign.survey(ctx, tag)
			if err != nil {
				return err
			}
			p.Unreadable += n
			continue
		}
		err := p.st.foreign.remove(ctx, tag, func(name string, s *unix.Stat_t) {
			p.Remaining++
			p.report(name, s.Blocks*512, time.Unix(int64(s.Mtim.Sec), 0))
		})
		if err != nil {
			return err
		}
	}
	if err != nil || !sweep || len(tags) == 0 {
		return err
	}
	return p.st.dir.Sync(".")
}
