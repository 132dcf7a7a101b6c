package index

// room counts bytes on disk.
type room struct {
	limit    int64
	used     int64 // objects, files unlinked but open, reservations, directories
	freeing  int64 // of them, being unlinked to make room
	reserved int64 // of them, promised to writers
}

// settle ends a reservation, and counts the bytes that came onto the disk or,
// if negative, went.
func (r *room) settle(reserved, bytes int64) {
	r.reserved -= reserved
	r.used += bytes - reserved
}

// Settle ends a reservation, and counts the bytes that came onto the disk or,
// if negative, went.
func (x *Index) Settle(reserved, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.room.settle(reserved, bytes)
	x.changed.Broadcast()
}

// Plan reserves n bytes, or returns the files to unlink before it is asked
// again. short is how many bytes the file system lacks. If no room can be made
// ok is false, and nothing is evicted in vain.
func (x *Index) Plan(n, short int64) (victims []Object, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	// A bound can't be kept before it is known what is there.
	await(&x.changed, loadPatience, func() bool { return !x.objects.loading || x.closed })
	await(&x.changed, DiskPatience, func() (done bool) {
		victims, ok, done = x.planLocked(n, short)
		return done
	})
	return victims, ok
}

// planLocked is not done if it must wait for others, who are unlinking or
// replacing files.
func (x *Index) planLocked(n, short int64) (victims []Object, ok, done bool) {
	need := max(x.room.used+n-x.room.limit, short) - x.room.freeing
	switch {
	case x.objects.loading, x.closed, need > x.objects.evictable, need > 0 && x.keptAll:
		return nil, false, true
	case need > 0:
		victims = x.objects.takeOldest(need, x.busy)
		for _, v := range victims {
			x.busy[v.Name] = true
			x.room.freeing += v.Size
		}
		return victims, len(victims) > 0, len(victims) > 0
	case x.room.used+n <= x.room.limit:
		x.room.used += n
		x.room.reserved += n
		return nil, true, true
	}
	return nil, false, false
}

// Evicted ends the eviction of a file that Plan returned. With an error it could not
// be unlinked, and is back.
func (x *Index) Evicted(v Object, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.room.freeing -= v.Size
	if err != nil {
		x.objects.add(v.Name, v.Entry)
	} else {
		x.room.used -= v.Size
	}
	delete(x.busy, v.Name)
	x.changed.Broadcast()
}
