package team_test

import (
	"context"
	"io"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/team"
)

// TestClock reads the clock of a folder and of object storage, and leaves nothing there.
func TestClock(t *testing.T) {
	f, _ := newFolder(t)
	for name, b := range map[string]bucket.Bucket{"folder": f, "S3": buckettest.NewGateway(t, true).Open("", "team")} {
		t.Run(name, func(t *testing.T) {
			m := join(t, b)
			for _, ahead := range []time.Duration{0, 48 * time.Hour, -48 * time.Hour} {
				theirs, ours, err := team.Clock(t.Context(), m.store, func() time.Time { return time.Now().Add(ahead) })
				if off := ours.Sub(theirs) - ahead; err != nil || off.Abs() > time.Minute {
					t.Errorf("%v ahead: %v by the bucket's, %v by ours, %v", ahead, theirs, ours, err)
				}
			}
			for o, err := range b.List(t.Context(), "") {
				t.Errorf("left: %+v, %v", o, err)
			}
		})
	}
	m := join(t, readOnly{f})
	if _, _, err := team.Clock(t.Context(), m.store, time.Now); err == nil {
		t.Error("a bucket that takes nothing has told its time")
	}
}

// readOnly is a bucket that takes nothing.
type readOnly struct{ bucket.Bucket }

func (readOnly) Put(context.Context, string, io.ReadSeeker) error { return bucket.ErrDenied }
