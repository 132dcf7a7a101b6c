//go:build linux

package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"veriffs/veriff/sandbox"
)

// The set that is walked: 100 sessions of nine files, 191 MB.
const (
	walkSessions = 100
	walkFiles    = 900
	walkBytes    = 191_000_000
)

// sessionFiles are the nine files of a session. Their sizes make 1.91 MB.
var sessionFiles = []struct {
	context, mimetype string
	size              int
}{
	{"document-front", "image/jpeg", pictureSize},
	{"document-back", "image/jpeg", 250_000},
	{"face", "image/jpeg", 160_000},
	{"document-front-pre", "image/jpeg", 120_000},
	{"document-back-pre", "image/jpeg", 110_000},
	{"face-pre", "image/jpeg", 90_000},
	{"selfid_video", "video/webm", 800_000},
	{"nfc", "application/json", 50_000},
	{"face-nfc", "image/png", smallSize},
}

const (
	pictureSize = 300_000  // of the picture that is opened by hand
	smallSize   = 30_000   // of the file that is opened again and again
	videoSize   = 64 << 20 // of the one large file
)

// walkWorld is a stand-in with that set and, in a session more, the oldest,
// one large video. All files are pieces of one random text, each from another
// place, so that the world is small and no two files are the same.
func walkWorld() *sandbox.Sandbox {
	s := sandbox.New(sandbox.Options{Empty: true})
	text := make([]byte, videoSize)
	_, _ = rand.NewChaCha8([32]byte{}).Read(text) // never fails
	created := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	add := func(files ...sandbox.File) {
		created = created.Add(time.Minute)
		s.AddSession(sandbox.Session{
			Status:   "approved",
			Attempts: []sandbox.Attempt{{Status: "approved", Created: created, Media: files}},
		})
	}
	add(sandbox.NewFile("selfid_video", "video/webm", text))
	from := 0
	for range walkSessions {
		var files []sandbox.File
		for _, f := range sessionFiles {
			from += 7919
			files = append(files, sandbox.NewFile(f.context, f.mimetype, text[from:from+f.size]))
		}
		add(files...)
	}
	return s
}

// set returns the sessions that are walked and the one with the video, in the
// order of their names, as the mount lists them; so are their files.
func (s *standin) set() (walked []sandbox.Session, video sandbox.Session) {
	all := s.world.Sessions()
	walked, video = all[:walkSessions], all[walkSessions]
	for _, session := range walked {
		slices.SortFunc(session.Attempts[0].Media, func(a, b sandbox.File) int {
			return cmp.Compare(a.ID.String(), b.ID.String())
		})
	}
	slices.SortFunc(walked, func(a, b sandbox.Session) int {
		return cmp.Compare(a.ID.String(), b.ID.String())
	})
	return walked, video
}
