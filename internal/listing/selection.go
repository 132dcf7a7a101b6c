package listing

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"veriffs/veriff"
)

// Selection chooses files by what the API lists of them. Its zero value chooses all.
type Selection struct {
	Contexts []string `json:"contexts,omitempty"` // shell patterns, one of which a file's context must match; none: all files
	NoVideo  bool     `json:"no_video,omitempty"`
	NoNFC    bool     `json:"no_nfc,omitempty"`
}

// All reports whether the selection chooses all files.
func (s *Selection) All() bool { return len(s.Contexts) == 0 && !s.NoVideo && !s.NoNFC }

// Check refuses patterns that mean nothing.
func (s *Selection) Check() error {
	for _, pattern := range s.Contexts {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("listing: %q is not a pattern", pattern)
		}
	}
	return nil
}

// Wants reports whether the selection chooses a file.
func (s *Selection) Wants(f *File) bool {
	switch {
	case s.NoVideo && f.IsVideo(), s.NoNFC && f.IsNFC():
		return false
	case len(s.Contexts) == 0:
		return true
	}
	return slices.ContainsFunc(s.Contexts, func(pattern string) bool {
		ok, _ := path.Match(pattern, f.Context())
		return ok
	})
}

// Shows reports whether somebody who may see only what the selection chooses may see a
// file. If the API does not say what the file is, that is no.
func (s *Selection) Shows(f *File) bool {
	return s.Wants(f) && (len(s.Contexts) == 0 || f.Context() != "") && (!s.NoVideo && !s.NoNFC || f.Extension() != unknownExtension)
}

// Of returns how many files of a listing the selection shows, and the i-th of them.
func (s *Selection) Of(l *Listing) (count int, at func(i int) *File) {
	if s.All() {
		return len(l.Files), func(i int) *File { return &l.Files[i] }
	}
	var shown []*File
	for i := range l.Files {
		if f := &l.Files[i]; s.Shows(f) {
			shown = append(shown, f)
		}
	}
	return len(shown), func(i int) *File { return shown[i] }
}

// OfNamed returns those files that the selection shows, under the names that they have
// among all.
func (s *Selection) OfNamed(all []NamedFile) []NamedFile {
	if s.All() {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(f NamedFile) bool { return !s.Shows(f.File) })
}

// IsVideo reports whether the file is a video.
func (f *File) IsVideo() bool {
	switch f.Extension() {
	case "webm", "mp4", "mov", "mkv":
		return true
	}
	return f.Type.Value().Kind == veriff.Video || strings.HasPrefix(essence(f.MIMEType()), "video/")
}

// IsNFC reports whether the file was read from the chip of a document: its data, or a
// picture among them.
func (f *File) IsNFC() bool {
	return f.Type.Value().Kind == veriff.NFC || f.Extension() == "json" || strings.Contains(strings.ToLower(f.Context()), "nfc")
}
