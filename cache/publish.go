package cache

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/index"
	"veriffs/cache/seal"
)

// publish renames the temporary file into place and hands it on to be read. If
// that fails, or for a spill, what is handed on is all there is of the object.
func (s *sink) publish(h *seal.Header) (*Object, error) {
	contents, err := h.Contents(s.dst)
	if err != nil {
		return nil, err
	}
	o := &Object{st: s.st, src: s.dst, contents: contents, header: h}
	if s.temp != "" {
		o.name, o.secret = s.c.secrets[s.secret].Name(h.Key), s.secret
		o.held = s.place(s.dst.(*os.File), h, o.name)
	}
	s.dst = nil
	return o, nil
}

// place makes f, which is the temporary file, the object n.
func (s *sink) place(f *os.File, h *seal.Header, n seal.Name) (reader *index.File) {
	st, secret := s.st, s.c.secrets[s.secret]
	e, _, err := stat(st.dir, int(f.Fd()), s.secret)
	if err != nil {
		e.Size = s.reserved
	}
	now := s.c.now()
	if e.Stored != h.Stored.Unix() || e.Used != now.Unix() { // what the next start goes by
		_ = unix.Futimes(int(f.Fd()), []unix.Timeval{unix.NsecToTimeval(now.UnixNano()), unix.NsecToTimeval(h.Stored.UnixNano())})
	}
	e.Stored, e.Used = h.Stored.Unix(), now.Unix()

	_, _, busy := st.index.Claim(n, index.DiskPatience)
	if err == nil {
		err = busy
	}
	kept := st.index.IsKept(n)
	if err == nil && kept { // what is held may not come again
		err = f.Sync()
	}
	if err == nil {
		err = s.rename(secret, n)
	}
	if err == nil && kept {
		_ = st.dir.Sync(secret.Shard(n)) // it is in place all the same
	}
	// Until here the reservation covers what the directories grew by.
	st.measure(directory.TempDir)
	st.measure(secret.Shard(n))
	if err == nil {
		reader = st.index.Publish(n, e, s.reserved)
		st.recent.Forget(n) // what it replaces
	} else {
		_ = st.dir.Remove(s.temp)
		reader = st.index.Adopt(e, s.reserved)
	}
	if busy == nil {
		st.index.Unclaim(n)
	}
	if err == nil {
		s.supersede(h.Key, n)
	} else {
		st.disk.Fault(err, false)
	}
	return reader
}

func (s *sink) rename(secret *seal.Secret, n seal.Name) error {
	st := s.st
	if st != s.c.store.Load() || s.c.ctx.Err() != nil {
		return errNoRoom // the directory was replaced or closed meanwhile
	}
	err := st.dir.Rename(s.temp, secret.Path(n))
	if errors.Is(err, fs.ErrNotExist) {
		if err := st.dir.MkdirAll(secret.Shard(n), 0o700); err != nil {
			return err
		}
		st.measure(secret.Dir())
		err = st.dir.Rename(s.temp, secret.Path(n))
	}
	return err
}

// supersede removes what an object replaces that is sealed with an older
// secret, and takes its pin over.
func (s *sink) supersede(k Key, n seal.Name) {
	if s.c.Pinned(k) && !s.st.index.IsPinned(n) {
		_ = s.c.Pin(k)
	}
	for i := int(s.secret) + 1; i < len(s.c.secrets); i++ {
		old := s.c.secrets[i].Name(k)
		if _, known, loading := s.st.index.Lookup(old); known || loading {
			_ = s.st.unlink(uint8(i), old, 0)
		}
	}
}
