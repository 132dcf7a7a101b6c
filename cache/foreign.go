package cache

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/hold"
	"veriffs/cache/index"
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
	c.upkeep.proven.Store(true)
	c.upkeep.nudge()
}

// sweepForeign removes what SweepForeign was asked to. A failure leaves the
// rest for the next time: it does not concern our own objects.
func (u *upkeep) sweepForeign() {
	if !u.proven.Load() {
		return
	}
	c, st := u.c, u.c.store.Load()
	tags, err := st.foreign.tags()
	if err == nil && len(tags) == 0 {
		return
	}
	held, unknown := st.foreign.holds()
	if err = errors.Join(err, unknown); err == nil && len(held) > 0 {
		u.proven.Store(false) // said once
		c.log.Error("cache: a secret that is not configured has sealed a hold: nothing that such secrets sealed is removed; set it as well (new,old) to read what is held",
			slog.Int("secrets", len(held)))
		return
	}
	for _, tag := range tags {
		err = errors.Join(err, st.foreign.remove(c.ctx, tag, func(string, *unix.Stat_t) {}))
	}
	if err == nil {
		err = st.dir.Sync(".")
	}
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		c.log.Warn("cache: failed to remove objects of secrets that are not configured", slog.Any("error", err))
	default:
		c.log.Info("cache: removed the objects of secrets that are not configured", slog.Int("secrets", len(tags)))
	}
}

// foreign is what secrets that are not configured left in a directory, each in a
// directory of its own.
type foreign struct {
	dir     *directory.Directory
	index   *index.Index
	secrets []*seal.Secret // that are configured
	log     *slog.Logger
}

// tags lists the directories.
func (f *foreign) tags() ([]string, error) {
	tags, err := f.dir.Tags()
	return slices.DeleteFunc(tags, func(tag string) bool {
		return slices.ContainsFunc(f.secrets, func(s *seal.Secret) bool { return s.Dir() == tag })
	}), err
}

// holds lists the directories of those that have sealed holds.
func (f *foreign) holds() ([]string, error) {
	tags, err := f.tags()
	return slices.DeleteFunc(tags, func(tag string) bool { return !hold.Any(f.dir, tag) }), err
}

// objects counts what there is, which takes room like all else.
func (f *foreign) objects(ctx context.Context) (all int64, err error) {
	tags, err := f.tags()
	for _, tag := range tags {
		n, failed := f.survey(ctx, tag)
		all += n
		err = errors.Join(err, failed)
	}
	return all, err
}

// count does so for the bound, and tells of it.
func (f *foreign) count(ctx context.Context) error {
	all, err := f.objects(ctx)
	if err != nil {
		return err
	}
	if all == 0 {
		return nil
	}
	held, err := f.holds()
	then := "they go once one secret alone is configured and the API has signed with it"
	if len(held) > 0 {
		then = "they stay, because such a secret has sealed a hold"
	}
	f.log.Warn("cache: objects of secrets that are not configured take room; "+then, slog.Int64("objects", all))
	return err
}

// survey counts the objects in a directory, and its bytes for the bound.
func (f *foreign) survey(ctx context.Context, tag string) (objects int64, err error) {
	u, err := f.dir.Secret(tag).Survey(ctx)
	if err == nil {
		f.index.SetDir(tag, u.Objects, u.Bytes)
	}
	return u.Objects, err
}

// remove removes a directory, and calls removed with each object. It ends with ctx.
func (f *foreign) remove(ctx context.Context, tag string, removed func(name string, s *unix.Stat_t)) error {
	err := f.dir.Secret(tag).Clear(ctx, removed)
	_, counted := f.survey(ctx, tag)
	return errors.Join(err, counted)
}
