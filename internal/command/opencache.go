package command

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"veriffs/cache"
	"veriffs/fs/mountpoint"
	"veriffs/internal/control"
)

// A cache that is locked by a process about to end is retried for a while: a killed
// process holds its locks until its last thread is gone, and one whose mount was
// unmounted still writes the catalog.
const (
	predecessorPause    = 25 * time.Millisecond
	predecessorPatience = mountpoint.Grace + time.Second
)

// openCache opens a cache for a mount on point, or for a command without a mount if
// point is "". It does not wait for a process that serves a mount.
func openCache(ctx context.Context, o cache.Options, point string, log *slog.Logger) (*cache.Cache, error) {
	for began, waits := time.Now(), false; ; {
		c, err := cache.Open(o)
		var refused *cache.OpenError
		if !errors.Is(err, cache.ErrLocked) || !errors.As(err, &refused) {
			return c, err
		}
		switch {
		case point != "" && mountpoint.Alive(point):
			return nil, &mountpoint.Error{Mountpoint: point, Reason: "veriffs is mounted there already", Hint: "unmount it first: veriffs unmount " + point}
		case isMount(ctx, refused.PID):
			return nil, err
		case time.Since(began) > predecessorPatience:
			refused.Hint = "that process serves no mount that answers: try again when it has ended, or choose another cache directory"
			return nil, err
		case !waits:
			waits = true
			log.Info("waiting for a process that has locked the cache and serves no mount", "process", refused.PID)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(predecessorPause):
		}
	}
}

// isMount reports whether a process serves a mount that is in the mount table.
func isMount(ctx context.Context, pid int) bool {
	mounted := mountpoint.All()
	return slices.ContainsFunc(control.Find(ctx), func(m *control.Client) bool {
		return m.PID == pid && slices.Contains(mounted, m.Mountpoint)
	})
}
