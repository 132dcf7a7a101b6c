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

// Unvisited counts the objects that Visit could not tell of.
type Unvisited struct {
	Damaged int64
	Foreign int64 // sealed with a secret that is not configured
}

// Visit calls visit with every object that a configured secret opens, by its sealed
// header, in no order. The others are left alone, and counted. It changes nothing. An
// object that comes or goes meanwhile may or may not be visited.
func (c *Cache) Visit(ctx context.Context, visit func(Entry)) (rest Unvisited, err error) {
	st := c.store.Load()
	err = st.walk(ctx, func(f index.Object, _ int64) (bool, error) {
		file, e, h, err := st.openFile(f.Secret, f.Name, nil)
		switch {
		case err == nil:
			file.Close()
			visit(Entry{Key: h.Key, Label: h.Label, Stored: h.Stored, Bytes: e.Size})
		case errors.Is(err, seal.ErrSeal), errors.Is(err, errNotFile):
			rest.Damaged++
		case errors.Is(err, fs.ErrNotExist):
		default:
			return false, err
		}
		return false, nil
	})
	if err == nil { // the index may be loading, and know of none yet
		rest.Foreign, err = st.foreign.objects(ctx)
	}
	return rest, err
}
