package listing

import (
	"testing"
	"time"

	"veriffs/veriff"
)

// TestSelection: what is chosen, and what may be seen by who may see only that. What a
// file is says the API's array, its type or its context.
func TestSelection(t *testing.T) {
	faces := Selection{Contexts: []string{"document-*", "face"}}
	all := Selection{Contexts: []string{"*"}}
	still := Selection{NoVideo: true}
	plain := Selection{NoNFC: true}
	for _, test := range []struct {
		of           Selection
		kind         veriff.Kind
		context      string
		mimetype     string
		wants, shows bool
	}{
		{Selection{}, veriff.Video, "", "", true, true},
		{faces, veriff.Image, "face", "image/jpeg", true, true},
		{faces, veriff.Image, "document-front-pre", "", true, true},
		{faces, veriff.Image, "face-pre", "image/jpeg", false, false},
		{faces, veriff.Image, "Face", "image/jpeg", false, false},
		{faces, veriff.Image, "document-a/b", "image/jpeg", false, false},
		{faces, veriff.Image, "", "image/jpeg", false, false},
		{faces, veriff.Video, "document-front-pre-video", "video/webm", true, true},
		{all, veriff.Image, "anything", "", true, true},
		{all, veriff.Image, "", "image/jpeg", true, false},
		{still, veriff.Image, "face", "image/jpeg", true, true},
		{still, veriff.Image, "", "image/jpeg", true, true},
		{still, veriff.Image, "face", "video/x-unheard-of", false, false},
		{still, veriff.Image, "face", "VIDEO/WebM; codecs=vp8", false, false},
		{still, veriff.Image, "face", ".mp4", false, false},
		{still, veriff.Video, "face", "image/jpeg", false, false},
		{still, veriff.Video, "face", "", false, false},
		{still, veriff.Image, "face", "", true, false},
		{still, veriff.Image, "face", "application/octet-stream", true, false},
		{still, 0, "face", "image/jpeg", true, true},
		{still, veriff.NFC, "nfc", "application/json", true, true},
		{plain, veriff.NFC, "nfc", "application/json", false, false},
		{plain, veriff.NFC, "face", "image/jpeg", false, false},
		{plain, veriff.Image, "face-NFC", "image/jpeg", false, false},
		{plain, veriff.Image, "chip", "application/json", false, false},
		{plain, veriff.Image, "face", "image/jpeg", true, true},
		{plain, veriff.Image, "face", "application/octet-stream", true, false},
		{plain, veriff.Video, "selfid_video", "video/webm", true, true},
		{Selection{Contexts: []string{"face*"}, NoVideo: true, NoNFC: true}, veriff.Image, "face-nfc", "image/png", false, false},
		{Selection{Contexts: []string{"face*"}, NoVideo: true, NoNFC: true}, veriff.Image, "face-pre", "image/png", true, true},
	} {
		l := New(veriff.SessionID{1}, veriff.AttemptID{2}, time.Time{}, veriff.MediaList{Items: []veriff.Media{
			{ID: veriff.MediaID{3}, Kind: test.kind, Context: test.context, MIMEType: test.mimetype, Size: 1},
		}})
		f := &l.Files[0]
		if test.of.Wants(f) != test.wants || test.of.Shows(f) != test.shows {
			t.Errorf("%+v of a %v, %q, %q: wants %v, shows %v", test.of, test.kind, test.context, test.mimetype, test.of.Wants(f), test.of.Shows(f))
		}
		count, at := test.of.Of(l)
		if (count == 1) != test.shows || test.shows && at(0) != f {
			t.Errorf("%+v of a %v, %q, %q: %d are shown", test.of, test.kind, test.context, test.mimetype, count)
		}
	}
}

func TestSelectionCheck(t *testing.T) {
	for pattern, want := range map[string]bool{"document-*": true, "[a-z]*": true, "": true, "[a": false, `face\`: false} {
		s := Selection{Contexts: []string{"face", pattern}}
		if err := s.Check(); (err == nil) != want {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
