package evidence

import (
	"context"
	"fmt"
	"io"
	"strings"

	"veriffs/internal/evidence/sheet"
	"veriffs/internal/exhibit"
)

// sourceError is an error of the source: the item can't be had.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// item writes one item, unless an earlier run has, and returns its origin.
func (e *export) item(ctx context.Context, i exhibit.Item, path string, look *sheet.Look) (exhibit.Origin, error) {
	if body, o, ok := e.out.kept(i, path); ok {
		err := e.copyItem(io.Discard, body, path, o, look)
		if body.Close(); err == nil {
			e.sum.Again++
			return o, nil
		}
		look.Reset() // it is not whole, or not what it was
	}
	body, o, err := e.from.OpenExhibit(ctx, i)
	if err != nil {
		return o, &sourceError{err}
	}
	defer body.Close()
	w, err := e.out.create(path)
	if err != nil {
		return o, err
	}
	if err := e.copyItem(w, body, path, o, look); err != nil {
		w.Close()
		return o, err
	}
	if err := w.Close(); err != nil {
		return o, err
	}
	return o, e.out.wrote(i, path, o)
}

// copyItem copies an item, and takes it for whole only if size and hash are those
// of its origin.
func (e *export) copyItem(w io.Writer, body io.Reader, path string, o exhibit.Origin, look *sheet.Look) error {
	h := newHasher()
	if _, err := io.Copy(io.MultiWriter(w, h, look), &reader{Reader: body}); err != nil {
		return err
	}
	got := h.sums()
	if h.size != o.Size || got["sha256"] != o.SHA256 {
		return &sourceError{fmt.Errorf("evidence: %s arrived changed or cut: %d bytes in place of %d", path, h.size, o.Size)}
	}
	e.payload[path] = got
	e.oxum += h.size
	return nil
}

// reader marks the errors of a source.
type reader struct{ io.Reader }

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// write writes a small file and lists it in a manifest.
func (e *export) write(m manifest, path string, text []byte) error {
	w, err := e.out.create(path)
	if err != nil {
		return err
	}
	h := newHasher()
	if _, err := io.MultiWriter(w, h).Write(text); err != nil {
		w.Close()
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if m == nil {
		return nil
	}
	m[path] = h.sums()
	if strings.HasPrefix(path, payload+"/") {
		e.oxum += h.size
	}
	return nil
}
