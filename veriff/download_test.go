package veriff_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"veriffs/veriff"
)

// picture is a body of many reads.
func picture(size int) string {
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(b)
	return string(b)
}

func TestDownload(t *testing.T) {
	for name, how := range protocols {
		for _, size := range []int{0, 1, 64 << 10, 1<<20 + 7} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/chunked=%v", name, size, chunked), func(t *testing.T) {
					body := picture(size)
					server := start(t, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", "application/octet-stream")
						if !chunked {
							w.Header().Set("Content-Length", fmt.Sprint(len(body)))
						} else {
							defer w.(http.Flusher).Flush()
							w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
							w.(http.Flusher).Flush() // too late for a length
						}
						reply(w, 200, body)
					}, how)
					var (
						got     bytes.Buffer
						lengths []int64
					)
					r, err := server.client(t, trust(server), hashed).Download(context.Background(), mediaID, func(n int64) (io.Writer, error) {
						lengths = append(lengths, n)
						return &got, nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if got.String() != body || r.Length != int64(size) || r.SHA256 != sha256.Sum256([]byte(body)) || r.Signature != mac(body, secret) {
						t.Errorf("got %d bytes, receipt %+v", got.Len(), r)
					}
					want := int64(size)
					if chunked {
						want = -1
					}
					if len(lengths) != 1 || lengths[0] != want {
						t.Errorf("sink was called with %v, want [%d]", lengths, want)
					}
				})
			}
		}
	}
}

// A body of any length passes through a buffer and is not kept.
func TestDownloadIsNotHeld(t *testing.T) {
	block := []byte(picture(1 << 20))
	signature := hmac.New(sha256.New, []byte(secret))
	const blocks = 64
	for range blocks {
		signature.Write(block)
	}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-HMAC-SIGNATURE", hex.EncodeToString(signature.Sum(nil)))
		for range blocks {
			w.Write(block)
		}
	})
	c := server.client(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := c.Download(context.Background(), mediaID, discard)
	runtime.ReadMemStats(&after)
	if err != nil || r.Length != blocks<<20 {
		t.Fatalf("%d bytes, %v", r.Length, err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > blocks<<20/16 {
		t.Errorf("a download of %d MiB allocated %d KiB", blocks, spent>>10)
	}
}

func BenchmarkDownload(b *testing.B) {
	for _, size := range []int{100 << 10, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			body := picture(size)
			signature := mac(body, secret)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-HMAC-SIGNATURE", signature)
				w.Header().Set("Content-Length", fmt.Sprint(size))
				io.WriteString(w, body)
			}))
			defer server.Close()
			c, err := veriff.New(veriff.Config{BaseURL: server.URL, APIKey: key, Secrets: []string{secret}})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Download(context.Background(), mediaID, discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A body that ends early is tried again from its start, into a new writer.
func TestCutBodyIsTriedAgain(t *testing.T) {
	body := picture(300_000)
	cuts := map[string]func(http.ResponseWriter){
		"with a length": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			reply(w, 200, body[:100_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"chunked": func(w http.ResponseWriter) {
			reply(w, 200, body[:100_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"before the first byte": func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
	}
	for protocol, how := range protocols {
		for name, cutIt := range cuts {
			for _, times := range []int{1, 3, 4} {
				t.Run(fmt.Sprintf("%s/%s/%d times", protocol, name, times), func(t *testing.T) {
					t.Parallel()
					n := 0
					server := start(t, func(w http.ResponseWriter, r *http.Request) {
						if n++; n <= times {
							cutIt(w)
						}
						reply(w, 200, body)
					}, how)
					got, r, err := download(context.Background(), server.client(t, trust(server)))
					if requests := min(times+1, 4); server.asked() != requests {
						t.Errorf("%d requests, want %d", server.asked(), requests)
					}
					switch {
					case times <= 3:
						wantError(t, err, nil)
						if got != body || r.Length != int64(len(body)) {
							t.Errorf("got %d bytes, receipt %+v", len(got), r)
						}
						return
					case name == "before the first byte":
						wantError(t, err, veriff.ErrUnreachable)
					default:
						wantError(t, err, veriff.ErrBody)
					}
					if r != (veriff.Receipt{}) {
						t.Errorf("a failed download has the receipt %+v", r)
					}
				})
			}
		}
	}
}

// Bodies that are whole by the transport's measure and still wrong.
func TestWrongBody(t *testing.T) {
	body := picture(200_000)
	flipped := []byte(body)
	flipped[150_000] ^= 1
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   error
	}{
		{"silently shortened", func(w http.ResponseWriter) {
			w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
			replyUnsigned(w, 200, body[:199_999])
		}, veriff.ErrSignature},
		{"lengthened", func(w http.ResponseWriter) {
			w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
			replyUnsigned(w, 200, body+"x")
		}, veriff.ErrSignature},
		{"a bit flipped", func(w http.ResponseWriter) {
			w.Header().Set("X-HMAC-SIGNATURE", mac(body, secret))
			replyUnsigned(w, 200, string(flipped))
		}, veriff.ErrSignature},
		{"compressed unasked", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			reply(w, 200, body)
		}, veriff.ErrBody},
		{"an error's JSON", func(w http.ResponseWriter) { reply(w, 200, notFoundBody) }, veriff.ErrBody},
		{"an error's JSON, padded", func(w http.ResponseWriter) {
			reply(w, 200, " \n"+notFoundBody+strings.Repeat(" ", 50_000))
		}, veriff.ErrBody},
		{"an error's JSON in other words", func(w http.ResponseWriter) {
			reply(w, 200, `{"error":"Something went wrong","status":500}`)
		}, veriff.ErrBody},
		{"an error's JSON without a status", func(w http.ResponseWriter) {
			reply(w, 200, `{"code":1101,"message":"Validation failed"}`)
		}, veriff.ErrBody},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, func(w http.ResponseWriter, r *http.Request) { test.answer(w) })
			_, r, err := download(context.Background(), server.client(t))
			wantError(t, err, test.want)
			if r != (veriff.Receipt{}) || server.asked() != 1 {
				t.Errorf("receipt %+v after %d requests", r, server.asked())
			}
		})
	}
}

// An unsigned body is not even begun.
func TestUnsignedBodyIsNotRead(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err := server.client(t).Download(context.Background(), mediaID, func(int64) (io.Writer, error) {
		t.Error("sink was called")
		return io.Discard, nil
	})
	wantError(t, err, veriff.ErrSignature)
}

// JSON that is a media file is served, however much it reminds of an error.
func TestNFCIsNoError(t *testing.T) {
	for _, body := range []string{
		`{"dg1":{"mrz":"P<UTOERIKSSON<<ANNA<MARIA"},"status":"success"}`,
		`{"status":"fail","activeAuthentication":"failed","message":"chip did not answer","dg1":"00"}`,
		`{"status":"fail","code":"1","message":{"dg1":"00"}}`,
		`{"code":"UTO","issuer":"UTO"}`,
		`{"status":"success","code":"1101","message":"ok"}`,
		`{"message":"hello"}`,
		`{}`,
		`[{"status":"fail","code":"1101","message":"x"}]`,
		notFoundBody + "\n" + notFoundBody,
		`{"status":"fail","code":"1101","message":"` + strings.Repeat("x", veriff.MaxError) + `"}`,
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, body) })
		if got, _, err := download(context.Background(), server.client(t)); err != nil || got != body {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

type failingWriter struct {
	err error
	cut bool
}

func (w failingWriter) Write(p []byte) (int, error) {
	if w.cut {
		return len(p) - 1, nil
	}
	return 0, w.err
}

func TestSinkFails(t *testing.T) {
	full := errors.New("disk full")
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, "body") })
	c := server.client(t)
	for i, test := range []struct {
		sink func(int64) (io.Writer, error)
		want error
	}{
		{func(int64) (io.Writer, error) { return nil, full }, full},
		{func(int64) (io.Writer, error) { return failingWriter{err: full}, nil }, full},
		{func(int64) (io.Writer, error) { return failingWriter{cut: true}, nil }, io.ErrShortWrite},
	} {
		_, err := c.Download(context.Background(), mediaID, test.sink)
		wantError(t, err, veriff.ErrSink)
		if !errors.Is(err, test.want) {
			t.Errorf("error %v hides %v", err, test.want)
		}
		if server.asked() != i+1 {
			t.Errorf("%d requests for %d calls", server.asked(), i+1)
		}
	}
}

// A panic of the sink leaves the client able to go on.
func TestSinkPanics(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, "body") })
	c := server.client(t, func(c *veriff.Config) { c.Connections = 1 })
	func() {
		defer func() { recover() }()
		c.Download(context.Background(), mediaID, func(int64) (io.Writer, error) { panic("sink") })
	}()
	if _, err := c.Download(context.Background(), mediaID, discard); err != nil {
		t.Error(err)
	}
}

// Cancelling ends a download in the middle of its body with the context's own
// error.
func TestDownloadCancelled(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	c := server.client(t)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := c.Download(ctx, mediaID, func(int64) (io.Writer, error) { return cancelOnWrite(cancel), nil })
	wantError(t, err, context.Canceled)
	if got := c.Stats().Requests[veriff.Request{Kind: "media", Outcome: "cancelled"}]; got != 1 || server.asked() != 1 {
		t.Errorf("%d requests, stats %+v", server.asked(), c.Stats())
	}
}

type cancelOnWrite func()

func (cancel cancelOnWrite) Write(p []byte) (int, error) { cancel(); return len(p), nil }
