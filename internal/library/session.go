package library

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"veriffs/cache"
	"veriffs/veriff"
)

// retryStale is how soon a listing that could not be renewed is tried again.
const retryStale = 30 * time.Second

// Enter is Session for somebody who goes through the files of a session, and
// perhaps through those of the next ones.
func (l *Library) Enter(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	l.ahead.entered(id)
	return l.Session(ctx, id)
}

// Session returns the listing of a session: from memory or the sealed store
// while it is younger than the time to live, from the API otherwise. When
// the API can't say, the last listing serves, however old.
//
// Errors: ErrNotFound when the API said so, ErrOffline, those of package
// veriff, or the cause of ctx's end.
func (l *Library) Session(ctx context.Context, id veriff.SessionID) (*Listing, error) {
	if list, ok := l.listings.Get(id); ok && l.fresh(list) {
		return list, nil
	}
	if l.sessions.absentFor(id) > 0 {
		return nil, fmt.Errorf("library: session %s: %w", id, ErrNotFound)
	}
	return l.lists.do(ctx, id, func(c *claim) (*Listing, error) { return l.renew(c, id) })
}

// ForgetListing makes the next call of Session ask the API, because there is
// word that the session has changed.
func (l *Library) ForgetListing(id veriff.SessionID) {
	if list, ok := l.remembered(id); ok {
		old := *list
		old.asked = time.Time{}
		l.listings.Add(id, &old)
	}
}

func (l *Library) fresh(list *Listing) bool { return l.now().Sub(list.asked) < l.ttl }

// renew returns a listing that is fresh, or the best there is.
func (l *Library) renew(c *claim, id veriff.SessionID) (*Listing, error) {
	last, known := l.remembered(id)
	if known && l.fresh(last) {
		return last, nil
	}
	list, err := l.ask(c, id)
	switch {
	case err == nil:
		l.keep(list, last)
		return list, nil
	case errors.Is(err, ErrNotFound):
		l.lose(id)
		return nil, err
	case known && !errors.Is(err, veriff.ErrRefused):
		l.log.Warn("the last listing serves, a new one could not be had", "session", id, "error", err)
		again := *last
		again.asked = l.now().Add(retryStale - l.ttl)
		l.listings.Add(id, &again)
		return &again, nil
	default:
		return nil, err
	}
}

// remembered returns the last listing, of any age, without the network.
func (l *Library) remembered(id veriff.SessionID) (*Listing, bool) {
	if list, ok := l.listings.Get(id); ok {
		return list, true
	}
	mediaBody, asked, ok := l.loadDocument(sessionMediaKey(id))
	if !ok {
		return nil, false
	}
	media, err := veriff.DecodeMediaList(mediaBody)
	if err != nil {
		return nil, false
	}
	media.Received = asked
	var attempts []veriff.Attempt
	if body, _, ok := l.loadDocument(sessionAttemptsKey(id)); ok {
		if decoded, err := veriff.DecodeAttemptList(body); err == nil {
			attempts = decoded.Items
		}
	}
	list := newListing(id, media, attempts, l.dates.created(id))
	l.listings.Add(id, list)
	return list, true
}

// ask gets media and attempts of a session from the API, side by side, and
// stores both as they were received. A failure of the attempts costs the
// date, not the files.
func (l *Library) ask(c *claim, id veriff.SessionID) (*Listing, error) {
	if err := l.link.check(); err != nil {
		return nil, err
	}
	var (
		media    veriff.MediaList
		attempts veriff.AttemptList
		group    errgroup.Group
	)
	group.Go(func() (err error) {
		if err := l.lanes.acquire(c); err != nil {
			return err
		}
		defer l.lanes.give()
		media, err = l.client.SessionMedia(c.ctx, id)
		return err
	})
	group.Go(func() (err error) {
		if err := l.lanes.acquire(c); err != nil {
			return nil // the other request says so
		}
		defer l.lanes.give()
		attempts, err = l.client.SessionAttempts(c.ctx, id)
		if err != nil && c.ctx.Err() == nil && !errors.Is(err, ErrNotFound) {
			l.log.Warn("the attempts of a session could not be listed, its files may show no date", "session", id, "error", err)
		}
		return nil
	})
	err := group.Wait()
	l.link.report(err)
	if err != nil {
		return nil, fmt.Errorf("library: list session %s: %w", id, err)
	}
	if media.Dropped > 0 {
		l.log.Warn("entries of a listing have no usable id and are not shown", "session", id, "entries", media.Dropped)
	}
	l.storeDocument(sessionMediaKey(id), media.Document)
	if attempts.Body != nil {
		l.storeDocument(sessionAttemptsKey(id), attempts.Document)
	}
	media.Received = l.now()
	return newListing(id, media, attempts.Items, l.dates.created(id)), nil
}

// keep makes a listing from the API the current one and tells what changed.
func (l *Library) keep(list, last *Listing) {
	id := list.Session
	l.listings.Add(id, list)
	dated := l.dates.setCreated(id, list.Created)
	if l.sessions.visit(id) {
		l.observer.tell(Change{SessionsChanged: true})
	}
	if last == nil || !last.same(list) || dated {
		l.observer.tell(Change{Session: id, FilesGone: gone(last, list)})
	}
}

// gone returns the names that last has and list has not.
func gone(last, list *Listing) (names []string) {
	if last == nil {
		return nil
	}
	for i := range last.Files {
		name := last.Files[i].Name()
		if _, ok := list.Lookup(name); !ok {
			names = append(names, name)
		}
	}
	return names
}

// lose drops what is known and kept of a session that the API no longer has.
func (l *Library) lose(id veriff.SessionID) {
	l.log.Info("the API has no such session (any more): it leaves the listing and the cache", "session", id)
	l.sessions.lose(id, l.now().Add(l.ttl))
	last, known := l.remembered(id)
	l.listings.Remove(id)
	l.dates.setCreated(id, time.Time{})
	l.cache.Remove(sessionMediaKey(id))
	l.cache.Remove(sessionAttemptsKey(id))
	change := Change{
		SessionsChanged: true, SessionsGone: []veriff.SessionID{id},
		Erased: func(f *File) bool { return f.In.Session == id },
	}
	if known {
		for i := range last.Files {
			l.cache.Remove(mediaKey(last.Files[i].ID))
		}
		change.Session, change.FilesGone = id, gone(last, &Listing{})
	}
	l.observer.tell(change)
}

// The keys of what is in the cache, by what it is the answer to.
func sessionMediaKey(id veriff.SessionID) cache.Key {
	return cache.Key("session/" + id.String() + "/media")
}
func sessionAttemptsKey(id veriff.SessionID) cache.Key {
	return cache.Key("session/" + id.String() + "/attempts")
}
func mediaKey(id veriff.MediaID) cache.Key { return cache.Key("media/" + id.String()) }

// storeDocument keeps a verified body in the cache. Failing is the cache's
// business: it logs, and the body is asked for again.
func (l *Library) storeDocument(key cache.Key, d veriff.Document) {
	label, err := json.Marshal(labelOf(d.Receipt))
	if err != nil {
		return
	}
	w, err := l.cache.Create(key, int64(len(d.Body)))
	if err != nil {
		return
	}
	if _, err := w.Write(d.Body); err != nil {
		w.Abort()
		return
	}
	if o, err := w.Commit(label); err == nil {
		o.Close()
	}
}

// loadDocument returns a body kept by storeDocument and when it was stored.
func (l *Library) loadDocument(key cache.Key) (body []byte, stored time.Time, ok bool) {
	o, ok := l.cache.Get(key)
	if !ok {
		return nil, time.Time{}, false
	}
	defer o.Close()
	body, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return nil, time.Time{}, false
	}
	return body, o.Stored(), true
}

// Find returns a file of a session by name. A listing of any age may say
// that it is there; only one that is up to date says that it is not.
func (l *Library) Find(ctx context.Context, id veriff.SessionID, name string) (*File, error) {
	if last, ok := l.remembered(id); ok {
		if f, ok := last.Lookup(name); ok {
			return f, nil
		}
	}
	list, err := l.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if f, ok := list.Lookup(name); ok {
		return f, nil
	}
	return nil, fmt.Errorf("library: session %s has no such file: %w", id, ErrNotFound)
}
