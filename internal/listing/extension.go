package listing

import (
	"fmt"
	"strings"

	"veriffs/veriff"
)

// extensions maps the media types that the API is known to use to the
// extension of a file's name. Both image/jpg, which is no registered type,
// and the bare extensions of older replies occur.
var extensions = map[string]string{
	"image/jpeg":       "jpg",
	"image/jpg":        "jpg",
	"image/png":        "png",
	"image/webp":       "webp",
	"image/heic":       "heic",
	"image/heif":       "heif",
	"image/gif":        "gif",
	"image/tiff":       "tif",
	"application/pdf":  "pdf",
	"application/json": "json",
	"video/webm":       "webm",
	"video/mp4":        "mp4",
	"video/quicktime":  "mov",
	"video/x-matroska": "mkv",
}

// bareExtensions are the extensions that may stand in place of a type.
var bareExtensions = map[string]string{
	"jpeg": "jpg", "jpg": "jpg", "png": "png", "webp": "webp", "heic": "heic", "heif": "heif",
	"gif": "gif", "tif": "tif", "tiff": "tif", "pdf": "pdf", "json": "json",
	"webm": "webm", "mp4": "mp4", "mov": "mov", "mkv": "mkv",
}

// unknownExtension names what no table knows. What the API says is never
// used as a name itself.
const unknownExtension = "bin"

// essence is a mimetype without parameters and case.
func essence(mimetype string) string {
	t, _, _ := strings.Cut(mimetype, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// sameType reports whether two mimetypes may mean the same. One that is
// missing, or says no more than that these are bytes, fits any other.
func sameType(a, b string) bool {
	a, b = essence(a), essence(b)
	for _, t := range []string{a, b} {
		if t == "" || t == "application/octet-stream" || t == "binary/octet-stream" {
			return true
		}
	}
	return a == b || extension(a) == extension(b) && extension(a) != unknownExtension
}

// Expects refuses a reply that is something else than what was listed. A list
// may be wrong about the type or about the size of a file, and its reply need
// not name a type; that both are named and both are others is no mistake.
func (f *File) Expects(r veriff.Receipt) error {
	if f.ListedSize == UnknownSize || f.ListedSize == r.Length || sameType(f.MIMEType(), r.ContentType) {
		return nil
	}
	return fmt.Errorf("%w: neither the type nor the size that was listed: %d bytes of %s in place of %d of %s",
		veriff.ErrBody, r.Length, extension(r.ContentType), f.ListedSize, f.Extension())
}

// extension returns the extension, without its dot, for a mimetype as the
// API gives it: parameters and case are ignored.
func extension(mimetype string) string {
	t := essence(mimetype)
	if ext, ok := extensions[t]; ok {
		return ext
	}
	if ext, ok := bareExtensions[strings.TrimPrefix(t, ".")]; ok {
		return ext
	}
	return unknownExtension
}

// IDLen is the length of an id within a name.
const IDLen = 36

// splitName takes <mediaId>.<ext> apart. It accepts only what [File.Name]
// can produce: the id in its canonical, lower-case form.
func splitName(name string) (id veriff.MediaID, ext string, ok bool) {
	if len(name) < IDLen+2 || name[IDLen] != '.' {
		return veriff.MediaID{}, "", false
	}
	id, err := veriff.ParseMediaID(name[:IDLen])
	if err != nil || id.String() != name[:IDLen] {
		return veriff.MediaID{}, "", false
	}
	return id, name[IDLen+1:], true
}

// PossibleName reports whether a listing could have a file of that name.
func PossibleName(name string) bool {
	_, _, ok := splitName(name)
	return ok
}
