package evidence_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// shotVariable is where to write a picture of the contact sheet; "": nowhere.
const shotVariable = "VERIFFS_CONTACT_SHEET_PICTURE"

// In a browser every picture of a contact sheet loads, videos show a frame, nothing
// is asked for but the page itself, and no script of a file or of a text runs.
func TestSheetInBrowser(t *testing.T) {
	b := startBrowser(t)
	h := newHouseOver(t, sandbox.New(sandbox.Options{}))
	const evil = `"><script>hacked=1</script><img src="http://192.0.2.1/x" onerror="hacked=1">`
	hostile := h.AddSession(sandbox.Session{Status: "approved", Person: sandbox.Person{FirstName: evil}, Attempts: []sandbox.Attempt{{
		Created: moment, Media: []sandbox.File{
			sandbox.NewFile(evil, "image/jpeg", []byte("<html><script>hacked=1</script>")),
			sandbox.NewFile("face", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="hacked=1"/>`)),
			sandbox.NewFile("nfc", "application/json", []byte(`{"a":"</td><script>hacked=1</script><link rel=stylesheet href=http://192.0.2.1/>"}`)),
		}}}})
	page := filepath.Join(t.TempDir(), "sheet.html")
	shown := h.showcase()
	h.sheet(page, append([]veriff.SessionID{hostile.ID}, shown...)...)
	b.open(page)
	var seen struct {
		Pictures, Loaded, Videos, Frames int
		Hacked, Scripts                  bool
	}
	b.evaluate(`(async () => {
		const videos = [...document.querySelectorAll("video")];
		await Promise.all(videos.map(v => v.readyState >= 2 ? 0 : new Promise(done => { v.onloadeddata = v.onerror = done; v.preload = "auto"; })));
		const pictures = [...document.images];
		return {
			Pictures: pictures.length, Loaded: pictures.filter(p => p.complete && p.naturalWidth > 0).length,
			Videos: videos.length, Frames: videos.filter(v => v.readyState >= 2 && v.videoWidth > 0).length,
			Hacked: typeof hacked !== "undefined", Scripts: document.scripts.length > 0,
		}})()`, &seen)
	if seen.Pictures < 5 || seen.Loaded != seen.Pictures || seen.Videos == 0 || seen.Hacked || seen.Scripts {
		t.Errorf("%+v", seen)
	}
	t.Logf("%+v", seen)
	for _, url := range b.asked {
		if !strings.HasPrefix(url, "data:") && url != "file://"+page {
			t.Errorf("the page asked for %s", url)
		}
	}
	if file := os.Getenv(shotVariable); file != "" {
		page = filepath.Join(t.TempDir(), "shown.html")
		h.sheet(page, shown[:1]...)
		b.open(page)
		if err := os.WriteFile(file, b.picture(1100, 1010), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// sheet writes a contact sheet.
func (h *house) sheet(file string, ids ...veriff.SessionID) {
	h.t.Helper()
	f, err := os.Create(file)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if _, err := evidence.ContactSheet(h.t.Context(), h.source, h.plan(exhibit.Selection{}, ids...), f, h.options()); err != nil {
		h.t.Fatal(err)
	}
}

// showcase is the sessions with a video, the one with chip data first.
func (h *house) showcase() (ids []veriff.SessionID) {
	for _, s := range h.Sessions() {
		chip, video := false, false
		for _, a := range s.Attempts[:min(1, len(s.Attempts))] {
			for _, f := range a.Media {
				chip = chip || f.Context == "nfc" || f.MIMEType == "application/json"
				video = video || strings.HasPrefix(f.MIMEType, "video/")
			}
		}
		switch {
		case chip && video:
			ids = append([]veriff.SessionID{s.ID}, ids...)
		case video:
			ids = append(ids, s.ID)
		}
	}
	return ids
}
