package erasure

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/custody"
	"veriffs/internal/hold"
	"veriffs/internal/notice"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// slow is a bucket in which something happens as the first object is removed, before the next
// one is listed.
type slow struct {
	bucket.Bucket
	meanwhile func()
	happened  chan struct{}
}

func (s *slow) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	if prefix != "" { // of holds
		return s.Bucket.List(ctx, prefix)
	}
	return func(yield func(bucket.Info, error) bool) {
		for o, err := range s.Bucket.List(ctx, prefix) {
			if strings.HasPrefix(o.Name, "holds/") {
				continue
			}
			if !yield(o, err) {
				return
			}
			<-s.happened
		}
	}
}

func (s *slow) Remove(ctx context.Context, name string) (int, error) {
	defer func() {
		if s.meanwhile != nil {
			s.meanwhile()
			s.meanwhile = nil
			close(s.happened)
		}
	}()
	return s.Bucket.Remove(ctx, name)
}

// TestHeldWhileItIsErased: a hold that is placed while an erasure goes through the team's
// store ends that, and the evidence has it, with what was erased before.
func TestHeldWhileItIsErased(t *testing.T) {
	const later = noticesFor + time.Second
	for name, test := range map[string]struct {
		own    bool
		after  time.Duration
		erased int
	}{
		"by another member":             {false, later, 1},
		"by another member, at the end": {false, 0, 3},
		"here":                          {true, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := folder.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			synctest.Test(t, func(t *testing.T) {
				b := &slow{Bucket: f, happened: make(chan struct{})}
				e := newTeamEraser(t, b)
				b.meanwhile = func() {
					if test.own {
						if _, err := e.Holds.Add(ours, "claim", "ann", time.Time{}, time.Now()); err != nil {
							t.Error(err)
						}
						return
					}
					other := newTeamEraser(t, f)
					if err := other.Board.Post(t.Context(), &hold.Record{Session: ours, Since: time.Now(), Reason: "claim", Notices: []string{"A"}}); err != nil {
						t.Error(err)
					}
					time.Sleep(test.after)
				}
				for _, media := range []veriff.MediaID{face, document, {7}} {
					store.Put(e.Cache, store.File(media), []byte("bytes"), label(ours, first))
					if err := team.Fill(t.Context(), e.Team, store.File(media)); err != nil {
						t.Fatal(err)
					}
				}
				d := newDoomed(nothing)
				d.held = func(s veriff.SessionID, a veriff.AttemptID, m veriff.MediaID) bool {
					return e.Holds.Owner(s, a, m) != nil
				}
				d.sessions[ours] = true
				found := Evidence{}
				found.Proven = true
				e.eraseShared(t.Context(), ours, d, &found)
				if found.Proven || found.Team.Proven || len(found.Team.Erased) != test.erased || !strings.HasPrefix(found.Team.Error, "a hold was placed while it was being erased: ") {
					t.Errorf("%+v", found.Team)
				}
				if own, others := len(found.Held), len(found.HeldByTeam); own+others != 1 || (own == 1) != test.own {
					t.Errorf("held: %+v, by others: %+v", found.Held, found.HeldByTeam)
				}
			})
		})
	}
}

// newTeamEraser returns what a member has of an eraser for the team's store alone.
func newTeamEraser(t *testing.T, b bucket.Bucket) *Eraser {
	t.Helper()
	c, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for c.Stats().Loading {
		time.Sleep(time.Millisecond) // there is no notice
	}
	s := team.New(team.Options{Bucket: b, Cache: c, Shareable: func([]byte) bool { return true }})
	t.Cleanup(s.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return New(Options{
		Cache: c, Team: s, Board: notice.New(s, func(bool) notice.Member { return notice.Member{} }), Log: log, Now: time.Now,
		Holds: custody.NewHolds(custody.Parts{Cache: c, Log: log, Now: time.Now}),
	})
}
