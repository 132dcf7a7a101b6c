package s3bucket

import (
	"errors"
	"io"
	"net/http"
	"unicode/utf8"
)

// The SDK reads into memory whatever a server answers, but for the body of an object. A
// server must not be able to fill that.
const (
	// longestPage bounds a page of a listing, in bytes: at most 1,000 names of 1 KiB,
	// with their markup.
	longestPage = 16 << 20
	// longestError bounds every other answer.
	longestError = 64 << 10
	// longestMessage bounds what is quoted of an error.
	longestMessage = 300
)

var errLong = errors.New("the server's answer is too long")

// bounded ends answers that are longer than they can be.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	ok := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent
	q := r.URL.Query()
	switch page := q.Has("list-type") || q.Has("versions"); {
	case ok && page:
		resp.Body = &boundedBody{resp.Body, longestPage}
	case !ok || r.Method != http.MethodGet:
		resp.Body = &boundedBody{resp.Body, longestError}
	}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int64 // bytes
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLong
	}
	return n, err
}

// clip is what is quoted of what a server says.
func clip(s string) string {
	if len(s) <= longestMessage {
		return s
	}
	end := longestMessage
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
