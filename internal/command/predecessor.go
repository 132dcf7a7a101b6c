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

// A cache whose process is on its way out is asked for again, for a while: a
// process that was killed holds its locks until its last thread is gone, and
// one whose mount was taken away writes down what the next should remember.
const (
	predecessorPause    = 25 * time.Millisecond
	predecessorPatience = mountpoint.Grace + time.Second
)

// openCache opens a cache for a mount on point, or "" for a command without
// one. It does not wait for a process that serves a mount.
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
			log.Info("waiting for the process that has the cache, which serves no mount now", "process", refused.PID)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(predecessorPause):
		}
	}
}

// isMount reports whether a process serves a mount that is in the tree.
func isMount(ctx context.Context, pid int) bool {
	mounted := mountpoint.All()
	return slices.ContainsFunc(control.Find(ctx), func(m *control.Client) bool {
		return m.PID == pid && slices.Contains(mounted, m.Mountpoint)
	})
}
