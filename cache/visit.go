package cache

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// Entry is what the cache says of an object without reading its contents.
type Entry struct {
	Key    Key
	Label  []byte
	Stored time.Time
	Bytes  int64 // on disk
}

// Visit calls visit with every object that a configured secret opens, by its sealed
// header, in no order. Objects whose header is damaged are left alone, and counted.
// It changes nothing. One that comes or goes meanwhile may or may not be visited.
func (c *Cache) Visit(ctx context.Context, visit func(Entry)) (damaged int64, err error) {
	st := c.store.Load()
	err = st.walk(ctx, func(f index.Object, _ int64) (bool, error) {
		file, e, h, err := st.openFile(f.Secret, f.Name)
		switch {
		case err == nil:
			file.Close()
			visit(Entry{Key: h.Key, Label: h.Label, Stored: h.Stored, Bytes: e.Size})
		case errors.Is(err, seal.ErrSeal), errors.Is(err, errNotFile):
			damaged++
		case errors.Is(err, fs.ErrNotExist):
		default:
			return false, err
		}
		return false, nil
	})
	return damaged, err
}
