package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"veriffs/cache/index"
)

// Audit is what Audit found.
type Audit struct {
	Objects int64           // read through and found as they were sealed
	Bytes   int64           // of their contents
	Damaged []DamagedObject // left where they are: the next use removes them
	// Unreadable is the number of objects that a secret sealed which is not configured.
	Unreadable int64
}

// DamagedObject is an object that is not what was sealed, or can't be read.
type DamagedObject struct {
	Hash  string // its file name, a keyed hash of its key
	Key   Key    // "" if the damage is in the header
	Label []byte // likewise
	Err   error
}

// Audit reads every object through and checks it. It changes nothing, not even
// which objects were used last. An object that is replaced or erased meanwhile is
// left out.
func (c *Cache) Audit(ctx context.Context) (a Audit, err error) {
	st := c.store.Load()
	err = st.walk(ctx, func(f index.Object, _ int64) (bool, error) {
		switch size, damaged, err := st.audit(f); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			damaged.Hash, damaged.Err = f.String(), err
			a.Damaged = append(a.Damaged, damaged)
		default:
			a.Objects++
			a.Bytes += size
		}
		return false, nil
	})
	if err == nil {
		a.Unreadable, err = st.foreign.objects(ctx)
	}
	if err != nil {
		return a, fmt.Errorf("cache: audit: %w", err)
	}
	return a, nil
}

// audit reads one object through.
func (st *store) audit(f index.Object) (size int64, damaged DamagedObject, err error) {
	file, _, h, err := st.openFile(f.Secret, f.Name, nil)
	if err != nil {
		return 0, damaged, err
	}
	defer file.Close()
	damaged.Key, damaged.Label = h.Key, h.Label
	contents, err := h.Contents(file)
	if err != nil {
		return 0, damaged, err
	}
	if err := contents.Verify(); err != nil {
		// A writer that replaced it has left this file whole: what is damaged is damaged.
		return 0, damaged, err
	}
	return contents.Size(), damaged, nil
}
