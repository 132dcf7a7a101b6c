package veriff_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// standIn serves a stand-in for the API, with one session of one picture, and
// returns a client of it.
func standIn() (c *veriff.Client, s *sandbox.Sandbox, session veriff.SessionID, end func()) {
	s = sandbox.New(sandbox.Options{Empty: true})
	added := s.AddSession(sandbox.Session{Attempts: []sandbox.Attempt{{
		Media: []sandbox.File{sandbox.NewFile("document-front", "image/jpeg", []byte("a picture"))},
	}}})
	server, err := sandbox.Listen(s)
	if err != nil {
		log.Fatal(err)
	}
	c, err = veriff.New(veriff.Config{BaseURL: server.URL, APIKey: s.APIKey, Secrets: s.Secrets()})
	if err != nil {
		log.Fatal(err)
	}
	return c, s, added.ID, func() { c.Close(); server.Close() }
}

// List the media of a session, and download each.
func Example() {
	c, _, session, end := standIn()
	defer end()
	ctx := context.Background()

	list, err := c.SessionMedia(ctx, session)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range list.Items {
		receipt, err := c.Download(ctx, m.ID, func(int64) (io.Writer, error) { return io.Discard, nil })
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Context, m.MIMEType, receipt.Length, "bytes, signed by secret", receipt.Secret)
	}
	// Output: document-front image/jpeg 9 bytes, signed by secret 0
}

// Tell whether the API can be reached and takes the credentials.
func ExampleClient_Probe() {
	c, s, _, end := standIn()
	defer end()

	fmt.Println(c.Probe(context.Background()))
	s.SetActive(false)
	err := c.Probe(context.Background())
	var answer *veriff.APIError
	if errors.Is(err, veriff.ErrRefused) && errors.As(err, &answer) {
		fmt.Println(answer.Refusal().Cause)
	}
	// Output:
	// <nil>
	// the integration is switched off: an administrator can switch it on in the customer portal
}

// Ask again when the server wants to be asked again.
func ExampleLater() {
	c, s, session, end := standIn()
	defer end()
	s.Set(sandbox.Match{Times: 1}, sandbox.Status(429), sandbox.RetryAfter("60"))

	_, err := c.SessionMedia(context.Background(), session)
	var later *veriff.Later
	if errors.As(err, &later) {
		fmt.Println(errors.Is(err, veriff.ErrRateLimited), later.At.Equal(c.HeldUntil()))
	}
	// Output: true true
}

// Check a webhook's signature.
func ExampleVerify() {
	body := []byte(`{"status":"success"}`)
	which, ok := veriff.Verify(body, veriff.Sign(body, "current"), "rotated", "current")
	fmt.Println(which, ok)
	// Output: 1 true
}
