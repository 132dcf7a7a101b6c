package folder

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"veriffs/internal/bucket"
)

// List implements [bucket.Bucket]. Links and other special files are left out. Like Check
// it removes what killed writers left, which nobody else looks at.
func (f *Folder) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	start := strings.TrimSuffix(prefix, "/")
	if start == "" {
		start = "."
	}
	return func(yield func(bucket.Info, error) bool) {
		if err := f.there(); err != nil {
			yield(bucket.Info{}, err)
			return
		}
		f.removeTemps()
		err := fs.WalkDir(f.root.FS(), start, func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist): // removed meanwhile
				return nil
			case err != nil:
				return denied(err)
			case ctx.Err() != nil:
				return ctx.Err()
			case d.IsDir() && hidden(name):
				return fs.SkipDir
			case !d.Type().IsRegular():
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return denied(err)
			}
			if !yield(bucket.Info{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(bucket.Info{}, err)
		}
	}
}
