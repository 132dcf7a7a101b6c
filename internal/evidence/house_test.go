package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"veriffs/cache"
	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/internal/library"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// moment is when the exports of the tests say that they were made.
var moment = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// house is a library over a stand-in for the API, and a key to sign with.
type house struct {
	*sandbox.Sandbox
	t      *testing.T
	source exhibit.Source
	key    string // file of the private key
	signer evidence.Signer
}

func newHouse(t *testing.T) *house { return newHouseOver(t, smallWorld(t)) }

func newHouseOver(t *testing.T, world *sandbox.Sandbox) *house {
	t.Helper()
	h := &house{Sandbox: world, t: t}
	api, err := sandbox.Listen(h.Sandbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	client, err := veriff.New(veriff.Config{BaseURL: api.URL, APIKey: h.APIKey, Secrets: h.Secrets(), Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	store, err := cache.Open(cache.Options{Dir: filepath.Join(t.TempDir(), "cache"), Limit: 1 << 30, Secrets: [][]byte{[]byte(h.Secrets()[0])}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	lib, err := library.New(library.Options{Client: client, Cache: store, NoReadAhead: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lib.Close)
	h.source = exhibit.Of(lib)
	h.key, h.signer = newKey(t, 1)
	return h
}

// smallWorld has three sessions with small files, one of them with two attempts:
// the demonstration set takes its time under the race detector.
func smallWorld(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	s := sandbox.New(sandbox.Options{Empty: true})
	for i := range 3 {
		attempts := []sandbox.Attempt{{Created: moment.AddDate(0, -1, i), Status: "approved", Media: []sandbox.File{
			sandbox.NewFile("document-front", "image/png", picture(t, 40, 30, i)),
			sandbox.NewFile("document-back", "image/png", picture(t, 40, 30, 10+i)),
			sandbox.NewFile("face", "image/png", picture(t, 30, 40, 20+i)),
			sandbox.NewFile("face", "image/png", picture(t, 30, 40, 30+i)),
			sandbox.NewFile("selfid_video", "video/webm", append([]byte("\x1aE\xdf\xa3"), byte(i))),
			sandbox.NewFile("nfc", "application/json", fmt.Appendf(nil, `{"chip":%d}`, i)),
		}}}
		if i == 1 {
			attempts = append(attempts, sandbox.Attempt{Created: moment.AddDate(0, -2, 0), Status: "declined", Media: []sandbox.File{
				sandbox.NewFile("face", "image/png", picture(t, 20, 20, 50)),
			}})
		}
		s.AddSession(sandbox.Session{Status: "approved", Attempts: attempts})
	}
	return s
}

// picture draws a PNG.
func picture(t *testing.T, width, height, shade int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(shade + i)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newKey writes an Ed25519 key that is always the same for a seed.
func newKey(t *testing.T, seed byte) (file string, s evidence.Signer) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), "test")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = evidence.LoadSigner(file, ""); err != nil {
		t.Fatal(err)
	}
	return file, s
}

// ids are the first n sessions of the stand-in that have media.
func (h *house) ids(n int) (ids []veriff.SessionID) {
	for _, s := range h.Sessions() {
		if len(s.Attempts) > 0 && len(s.Attempts[0].Media) > 0 && len(ids) < n {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (h *house) plan(want exhibit.Selection, ids ...veriff.SessionID) *evidence.Plan {
	h.t.Helper()
	p, err := evidence.Prepare(h.t.Context(), h.source, ids, want, false)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) options() evidence.Options {
	return evidence.Options{Time: moment, Tool: "veriffs test", Signer: h.signer}
}

// export exports sessions and fails the test if that fails.
func (h *house) export(dest string, want exhibit.Selection, ids ...veriff.SessionID) evidence.Summary {
	h.t.Helper()
	sum, err := evidence.Export(h.t.Context(), h.source, h.plan(want, ids...), dest, h.options())
	if err != nil {
		h.t.Fatal(err)
	}
	return sum
}

// run runs a program and returns what it printed.
func run(t *testing.T, dir, stdin, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// files are all files below a directory, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// failing is a source that can't open some items.
type failing struct {
	exhibit.Source
	fails func(exhibit.Item) error
	after func(exhibit.Item) // told of each that was opened
}

func (f *failing) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	if f.fails != nil {
		if err := f.fails(i); err != nil {
			return nil, exhibit.Origin{}, err
		}
	}
	body, o, err := f.Source.OpenExhibit(ctx, i)
	if err == nil && f.after != nil {
		f.after(i)
	}
	return body, o, err
}
