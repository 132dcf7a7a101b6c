package doctor

import (
	"fmt"
	iofs "io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChangesNothing: looking adds, changes and removes no file: none of the cache, of the
// access log and its key, of a team's folder, and none that is still to be made. The API is
// asked for a session that does not exist, and its host, without credentials, for the time.
func TestChangesNothing(t *testing.T) {
	for _, made := range []bool{true, false} {
		t.Run(fmt.Sprint("made ", made), func(t *testing.T) {
			w := newWorld(t)
			w.AccessLog, w.TeamDir = w.path("log"), w.path("team")
			w.Webhook, w.Metrics = "127.0.0.1:0", "127.0.0.1:0"
			if made {
				must(t, os.Mkdir(w.TeamDir, 0o700))
				w.write(t, "log", "")
				w.write(t, "team/file", "an object")
			} else {
				must(t, os.RemoveAll(w.Cache.Dir))
				w.Sessions = append(w.Sessions, w.path("none"))
			}
			var asked []string
			front := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
				if id, known := w.asksFor(r.URL.Path); known {
					t.Errorf("it asked for %s, which exists", id)
				}
				asked = append(asked, fmt.Sprint(r.Method, " ", strings.Count(r.URL.Path, "/"), " ", r.Header.Get("X-AUTH-CLIENT") != "", r.Header.Get("X-HMAC-SIGNATURE") != ""))
				w.api.ServeHTTP(answer, r)
			}))
			t.Cleanup(front.Close)
			w.API.BaseURL = front.URL
			before := w.everything(t)
			Run(t.Context(), w.Options, func(Finding) {})
			if diff := cmp.Diff(before, w.everything(t)); diff != "" {
				t.Errorf("it changed something: %s", diff)
			}
			// /, and /v1/sessions/ID/media
			if want := []string{"HEAD 1 false false", "GET 4 true true"}; !slices.Equal(asked, want) {
				t.Errorf("it asked %q", asked)
			}
		})
	}
}

// asksFor returns the session in a path of the API, if there is one of this id.
func (w *world) asksFor(path string) (id string, known bool) {
	for _, session := range w.api.SessionIDs() {
		if id = session.String(); strings.Contains(path, id) {
			return id, true
		}
	}
	return "", false
}

// everything is each file of the world with its mode, time and contents.
func (w *world) everything(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(w.dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var text []byte
		if info.Mode().IsRegular() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime(), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
