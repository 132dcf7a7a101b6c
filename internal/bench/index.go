//go:build linux

package main

import (
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"veriffs/veriff/sandbox"
)

// index serves sessions as a web server with directory indexes does, for rclone to
// mount: the same bytes, unsigned.
type index struct {
	dirs  map[string][]string
	files map[string]sandbox.File
}

func newIndex(sessions []sandbox.Session) *index {
	x := &index{dirs: map[string][]string{}, files: map[string]sandbox.File{}}
	for _, session := range sessions {
		dir := session.ID.String() + "/"
		x.dirs["/"] = append(x.dirs["/"], dir)
		for _, f := range session.Attempts[0].Media {
			_, ext, _ := strings.Cut(f.MIMEType, "/")
			name := f.ID.String() + "." + ext
			x.dirs["/"+dir] = append(x.dirs["/"+dir], name)
			x.files["/"+dir+name] = f
		}
	}
	return x
}

var indexPage = template.Must(template.New("").Parse(
	`<!DOCTYPE html><title>Index</title><pre>{{range .}}<a href="{{.}}">{{.}}</a>
{{end}}</pre>`))

var indexed = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func (x *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if names, ok := x.dirs[r.URL.Path]; ok {
		w.Header().Set("Content-Type", "text/html")
		_ = indexPage.Execute(w, names) // fails if the client has left
		return
	}
	f, ok := x.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.MIMEType)
	http.ServeContent(w, r, "", indexed, io.ReadSeeker(f.Open()))
}
