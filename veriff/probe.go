package veriff

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// Unexpected is Probe's verdict on an answer that is neither "not found" nor a
// refusal: the API is there and did not refuse the credentials. It is a
// warning; the error that it wraps says what was answered.
type Unexpected struct{ Err error }

func (u *Unexpected) Error() string {
	return "the API's answer to the probe is not the expected 404: " + u.Err.Error()
}

func (u *Unexpected) Unwrap() error { return u.Err }

// Probe tells whether the API can be reached and accepts the credentials. Its
// signed request needs no known session: a random id must not be found. It
// returns nil, an error within ErrRefused, ErrUnreachable, ErrSignature or
// ErrRedirect, the context's error, a *ConfigError if the API's address has a
// path at which something else answers, or *Unexpected, which is no reason to
// stop.
func (c *Client) Probe(ctx context.Context) error {
	doc, err := c.document(ctx, probe, randomSession().String())
	var answer *APIError
	errors.As(err, &answer)
	switch {
	case c.base.Path == "", errors.Is(err, ErrUnreachable), errors.Is(err, ErrSignature), errors.Is(err, ErrRedirect), ctx.Err() != nil:
	case err == nil && doc.Secret >= 0, answer != nil && answer.FromAPI():
	default:
		return &ConfigError{SettingURL, "has a path, and what answers there is not the API", "leave out what stands behind the host: " + exampleBase}
	}
	switch {
	case err == nil:
		return &Unexpected{errors.New("a session that does not exist was found")}
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, ErrRefused):
		// How the live API answers to a foreign id is not established. It may
		// be with a 401 that our own secret signed, with a code that is not
		// about credentials.
		if answer != nil && answer.Authentic && !answer.AboutCredentials() {
			return &Unexpected{fmt.Errorf("the id was refused: %w", answer)}
		}
		return err
	case errors.Is(err, ErrServer), errors.Is(err, ErrRateLimited), errors.Is(err, ErrBody):
		return &Unexpected{err}
	case answer != nil:
		return &Unexpected{err}
	}
	return err
}

// randomSession returns a UUID of version 4.
func randomSession() SessionID {
	var id SessionID
	rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
