package cache

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"golang.org/x/sys/unix"

	"veriffs/cache/seal"
)

// SweepForeign removes, in the background, the objects of all secrets that are
// not configured. Nobody can tell a secret that was replaced from one that was
// mistyped this time, so call it only after a reply was verified that is signed
// with a configured secret. Such a reply proves one secret: while several are
// configured nothing is removed. That another one has sealed or pinned something
// here proves nothing, for a mistyped one does so, too.
func (c *Cache) SweepForeign() {
	if len(c.secrets) > 1 {
		return
	}
	c.proven.Store(true)
	c.nudge()
}

// sweepForeign removes what SweepForeign was asked to. A failure leaves the
// rest for the next time: it does not concern our own objects.
func (c *Cache) sweepForeign() {
	if !c.proven.Load() {
		return
	}
	st := c.store.Load()
	tags, err := st.foreignTags()
	if err == nil && len(tags) == 0 {
		return
	}
	held, unknown := foreignHolds(st)
	if err = errors.Join(err, unknown); err == nil && len(held) > 0 {
		c.proven.Store(false) // said once
		c.log.Error("cache: a secret that is not configured has sealed a hold: nothing that such secrets sealed is removed; set it as well (new,old) to read what is held",
			slog.Int("secrets", len(held)))
		return
	}
	for _, tag := range tags {
		err = errors.Join(err, st.removeForeign(c.ctx, tag, func(string, *unix.Stat_t) {}))
	}
	if err == nil {
		err = st.dir.Sync(".")
	}
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		c.log.Warn("cache: failed to remove objects of secrets that are not configured", slog.Any("err", err))
	default:
		c.log.Info("cache: removed the objects of secrets that are not configured", slog.Int("secrets", len(tags)))
	}
}

// foreignTags lists the directories of secrets that are not configured.
func (st *store) foreignTags() ([]string, error) {
	tags, err := st.dir.Tags()
	return slices.DeleteFunc(tags, func(tag string) bool {
		return slices.ContainsFunc(st.secrets, func(s *seal.Secret) bool { return s.Dir() == tag })
	}), err
}

// countForeign counts what other secrets left, which takes room like all else.
func (st *store) countForeign(ctx context.Context) error {
	tags, err := st.foreignTags()
	if err != nil {
		return err
	}
	var all int64
	for _, tag := range tags {
		n, err := st.survey(ctx, tag)
		if err != nil {
			return err
		}
		all += n
	}
	if all > 0 {
		st.log.Warn("cache: objects of secrets that are not configured take room; they go once one secret alone is configured and the API has signed with it",
			slog.Int64("objects", all))
	}
	return nil
}

// survey counts the objects in the directory of a foreign secret, and its bytes for
// the bound.
func (st *store) survey(ctx context.Context, tag string) (objects int64, err error) {
	u, err := st.dir.Secret(tag).Survey(ctx)
	if err == nil {
		st.index.SetDir(tag, u.Objects, u.Bytes)
	}
	return u.Objects, err
}

// removeForeign removes the directory of a foreign secret, and calls removed
// with each object. It ends with ctx.
func (st *store) removeForeign(ctx context.Context, tag string, removed func(name string, s *unix.Stat_t)) error {
	err := st.dir.Secret(tag).Clear(ctx, removed)
	_, counted := st.survey(ctx, tag)
	return errors.Join(err, counted)
}
