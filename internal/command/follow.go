package command

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"veriffs/internal/sessionlist"
)

// firstLoad bounds how long a mount waits for the sessions files; a slower one (a
// pipe) shows once it has been read.
const firstLoad = 3 * time.Second

// follow shows the sessions of the files, and follows changes of the files.
func (k *stack) follow(ctx context.Context, files []string, log *slog.Logger) error {
	if len(files) == 0 {
		return nil
	}
	// The first change can come before Open returns the source.
	opened := make(chan struct{})
	shown := make(chan struct{}, 1)
	source, err := sessionlist.Open(context.WithoutCancel(ctx), files, sessionlist.Options{
		Logger: log,
		OnChange: func() {
			<-opened
			k.library.SetSessions(k.source.Snapshot())
			select {
			case shown <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return usageError("--%s: %w", flagSessions, err)
	}
	k.source = source
	close(opened)
	if slices.Contains(files, sessionlist.Stdin) {
		return nil // somebody may be typing
	}
	ctx, cancel := context.WithTimeout(ctx, firstLoad)
	defer cancel()
	if source.Wait(ctx) == nil && len(source.Snapshot()) > 0 {
		select {
		case <-shown:
		case <-ctx.Done():
		}
	}
	return nil
}
