package team_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/team"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// member is one mount's part of a team: a cache and a store over a bucket.
type member struct {
	t     *testing.T
	cache *cache.Cache
	store *team.Store
	asked atomic.Int64 // requests to its API
	log   bytes.Buffer
}

// patient is for tests in which the bucket must not be taken for late, however busy the
// machine is.
const patient = time.Minute

// waited is closed: somebody waits from the beginning.
var waited = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

type choice func(*cache.Options, *team.Options)

func join(t *testing.T, b bucket.Bucket, choices ...choice) *member {
	t.Helper()
	m := &member{t: t}
	co := cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 64 << 20, Secrets: [][]byte{[]byte("shared by the team")}}
	to := team.Options{Bucket: b, Patience: patient, Shareable: func(label []byte) bool { return string(label) != "private" },
		Logger: slog.New(slog.NewTextHandler(&m.log, nil))}
	for _, choose := range choices {
		choose(&co, &to)
	}
	var err error
	if m.cache, err = cache.Open(co); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.cache.Close() })
	for m.cache.Stats().Loading {
		time.Sleep(time.Millisecond) // it gives no notice
	}
	to.Cache = m.cache
	m.store = team.New(to)
	t.Cleanup(m.store.Close)
	return m
}

func newFolder(t *testing.T) (*folder.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, dir
}

// content is what the API has of a key.
func content(k cache.Key) []byte {
	b := make([]byte, 200_000)
	var seed [32]byte
	copy(seed[:], k)
	rand.NewChaCha8(seed).Read(b)
	return b
}

// fetch is what a library does to get an object from the API.
func (m *member) fetch(k cache.Key) (*cache.Object, error) {
	m.asked.Add(1)
	w, err := m.cache.Create(k, -1)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := w.Write(content(k)); err != nil {
		return nil, err
	}
	return w.Commit([]byte("label of " + k))
}

var errGone = errors.New("gone for good")

func (m *member) want(k cache.Key) team.Want {
	return team.Want{
		Key:    k,
		Accept: func([]byte) error { return nil },
		API:    func(context.Context) (*cache.Object, error) { return m.fetch(k) },
		Waited: waited,
		Lane:   func(_ context.Context, work func() error) error { return work() },
		Final:  func(err error) bool { return errors.Is(err, errGone) },
	}
}

// read reads an object as w says, and checks its bytes.
func (m *member) read(w team.Want) (fromTeam bool) {
	m.t.Helper()
	o, fromTeam, err := m.store.First(m.t.Context(), w)
	if err != nil {
		m.t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil || !bytes.Equal(got, content(w.Key)) {
		m.t.Fatalf("%s: other bytes, %v", w.Key, err)
	}
	return fromTeam
}

// settled waits until nothing is queued, and returns the counts without the name.
func (m *member) settled() team.Stats {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s := m.store.Stats()
		if s.Queued == 0 {
			return s
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("still queued: %+v", s)
		}
	}
}

// objects are the files of a folder.
func objects(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "????????????????", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
