package library

import (
	"context"
	"time"

	"veriffs/internal/warming"
)

// Warm fetches files into the cache before anybody opens them: see [warming.Run].
func (l *Library) Warm(ctx context.Context, o warming.Options, progress func(warming.Progress)) (warming.Progress, error) {
	return warming.Run(ctx, warmer{l}, o, progress)
}

// warmer is the library as a warming sees it.
type warmer struct{ *Library }

func (w warmer) Files(ctx context.Context, name string) ([]*File, error) {
	_, files, err := w.resolve(ctx, name)
	return files, err
}

func (w warmer) Obtain(ctx context.Context, f *File) (bool, error) { return w.files.warm(ctx, f) }

func (w warmer) Connections() int { return w.connections }

func (w warmer) Down() error { return w.link.Check() }

func (w warmer) HeldUntil() time.Time { return w.client.HeldUntil() }

func (w warmer) Guard(f func() error) func() error { return w.guard(f) }
