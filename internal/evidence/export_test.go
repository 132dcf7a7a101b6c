package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	gobagit "github.com/nyudlts/go-bagit"

	"veriffs/internal/evidence"
	"veriffs/internal/exhibit"
	"veriffs/internal/listing"
	"veriffs/veriff"
	"veriffs/veriff/sandbox"
)

// What an export has: each file with the bytes that the API sent, each answer with
// its signature, and a record that knows all of them.
func TestExport(t *testing.T) {
	h := newHouse(t)
	ids := h.ids(3)
	dest := filepath.Join(t.TempDir(), "case")
	sum := h.export(dest, exhibit.Selection{}, ids...)
	got := files(t, dest)
	for _, id := range ids {
		session, _ := h.Session(id)
		var r evidence.Record
		if err := json.Unmarshal([]byte(got["data/"+id.String()+"/record.json"]), &r); err != nil {
			t.Fatal(err)
		}
		if !r.Complete || !r.Exported.Equal(moment) || r.Tool != "veriffs test" || r.Session != id.String() {
			t.Errorf("%+v", r)
		}
		seen := 0
		for _, f := range r.Files {
			body, ok := got[f.Path]
			if !ok || int64(len(body)) != f.Size || !f.Verified || f.SecretID == "" || f.Received.IsZero() || f.Signature == "" {
				t.Errorf("%+v", f)
			}
			if f.Kind == exhibit.Document {
				if want := "X-AUTH-CLIENT: " + h.APIKey + "\nX-HMAC-SIGNATURE: " + f.Signature + "\n"; got[f.SignaturePath] != want {
					t.Errorf("%s: %q", f.SignaturePath, got[f.SignaturePath])
				}
				continue
			}
			seen++
			i := slices.IndexFunc(session.Attempts[0].Media, func(m sandbox.File) bool { return m.ID.String() == f.Media })
			if i < 0 || body != string(h.Bytes(session.Attempts[0].Media[i].ID)) || f.Context != session.Attempts[0].Media[i].Context {
				t.Errorf("%s is not what the API has", f.Path)
			}
		}
		if seen != len(session.Attempts[0].Media) {
			t.Errorf("%d of %d files", seen, len(session.Attempts[0].Media))
		}
		if want := string(h.Document(sandbox.Decision, id)); got["data/"+id.String()+"/api/decision.json"] != want {
			t.Errorf("the decision of %s is not verbatim", id)
		}
	}
	if sum.Sessions != 3 || len(sum.Missing) != 0 {
		t.Errorf("%+v", sum)
	}
	for _, name := range []string{"No access log was configured", "attests", h.signer.Public()} {
		if !strings.Contains(got["README-evidence.txt"], name) {
			t.Errorf("README-evidence.txt lacks %q", name)
		}
	}
	if _, err := os.Lstat(dest + ".unfinished"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the unfinished bag is still there:", err)
	}
	if info, err := os.Stat(filepath.Join(dest, "data", ids[0].String(), "record.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

// Programs that know nothing of veriffs accept the bag, and find a changed file.
func TestForeignJudges(t *testing.T) {
	h := newHouse(t)
	dest := filepath.Join(t.TempDir(), "case")
	sum := h.export(dest, exhibit.Selection{AllAttempts: true}, h.ids(2)...)
	bag, err := gobagit.GetExistingBag(dest)
	if err != nil {
		t.Fatal(err)
	}
	if err := bag.ValidateBag(false, false); err != nil {
		t.Error("go-bagit:", err)
	}
	for _, check := range []string{"sha256sum", "sha512sum"} {
		for _, prefix := range []string{"manifest-", "tagmanifest-"} {
			name := prefix + strings.TrimSuffix(check, "sum") + ".txt"
			if out, err := run(t, dest, "", check, "--check", "--quiet", "--strict", name); err != nil {
				t.Errorf("%s of %s: %v\n%s", check, name, err, out)
			}
		}
	}
	signers := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, []byte(evidence.AllowedSigner(sum.Signer)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	message := files(t, dest)["tagmanifest-sha512.txt"]
	keygen := []string{"-Y", "verify", "-f", signers, "-I", evidence.Identity, "-n", evidence.Namespace, "-s", "tagmanifest-sha512.txt.sig"}
	if out, err := run(t, dest, message, "ssh-keygen", keygen...); err != nil || !strings.Contains(out, "Good") {
		t.Errorf("ssh-keygen: %v\n%s", err, out)
	}
	if out, err := run(t, dest, message+"x", "ssh-keygen", keygen...); err == nil {
		t.Errorf("ssh-keygen accepts another manifest: %s", out)
	}
	picture := filepath.Join(dest, "data", h.ids(1)[0].String(), "record.json")
	if err := os.WriteFile(picture, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if bag.ValidateBag(false, false) == nil {
		t.Error("go-bagit accepts a changed file")
	}
	if _, err := run(t, dest, "", "sha512sum", "--check", "--quiet", "manifest-sha512.txt"); err == nil {
		t.Error("sha512sum accepts a changed file")
	}
}

// The commands of README-evidence.txt are those that work.
func TestReadmeCommands(t *testing.T) {
	h := newHouse(t)
	dest := filepath.Join(t.TempDir(), "case")
	h.export(dest, exhibit.Selection{}, h.ids(1)...)
	text := files(t, dest)["README-evidence.txt"]
	var script []string
	for line := range strings.SplitSeq(text, "\n") {
		if command := strings.TrimPrefix(line, "         "); command != line && !strings.HasPrefix(command, "veriffs") &&
			!strings.HasPrefix(command, "SHA256:") && !strings.HasPrefix(command, "the exporter") && !strings.HasPrefix(command, "ask the") && !strings.HasPrefix(command, "fingerprint") {
			script = append(script, command)
		}
		if strings.HasPrefix(line, evidence.Identity+" ") {
			if err := os.WriteFile(filepath.Join(dest, "..", "signers"), []byte(line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := strings.ReplaceAll(strings.Join(script, "\n"), "/tmp/signers", "../signers")
	if n := strings.Count(all, "sum --check") + strings.Count(all, "ssh-keygen"); n != 3 {
		t.Fatalf("the commands:\n%s", all)
	}
	out, err := run(t, dest, "", "sh", "-e", "-c", all)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if counts := strings.Fields(out); len(counts) < 2 || counts[0] != counts[1] {
		t.Errorf("the two numbers differ: %s", out)
	}
}

// The commands of README-evidence.txt that count files find each that was added.
func TestReadmeCounts(t *testing.T) {
	h := newHouse(t)
	for _, stamp := range []func(context.Context, []byte) ([]byte, error){nil, newAuthority(t).stamp} {
		bag := filepath.Join(t.TempDir(), "case")
		o := h.options()
		o.Stamp = stamp
		if _, err := evidence.Export(t.Context(), h.source, h.plan(exhibit.Selection{}, h.ids(1)...), bag, o); err != nil {
			t.Fatal(err)
		}
		_, script, _ := strings.Cut(files(t, bag)["README-evidence.txt"], "[ ] 2.")
		script, _, _ = strings.Cut(script, "[ ] 3.")
		_, script, _ = strings.Cut(script, "\n")
		fine := func() bool {
			out, err := run(t, bag, "", "sh", "-e", "-c", script)
			if err != nil {
				t.Fatal(out, err)
			}
			counts := strings.Fields(out)
			return len(counts) == 2 && counts[0] == counts[1]
		}
		if !fine() {
			t.Error("the bag as it was exported is refused")
		}
		for _, name := range []string{"contact-sheet-2.html", "data/readme"} {
			name = filepath.Join(bag, name)
			if err := os.Symlink("README-evidence.txt", name); err != nil {
				t.Fatal(err)
			}
			if fine() {
				t.Errorf("%s was added as a link", name)
			}
			os.Remove(name)
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if fine() {
				t.Errorf("%s was added", name)
			}
			os.Remove(name)
		}
	}
}

// All attempts, or a part of the files; what is left out is named.
func TestSelection(t *testing.T) {
	h := newHouse(t)
	var id veriff.SessionID
	for _, s := range h.Sessions() {
		if len(s.Attempts) > 1 {
			id = s.ID
		}
	}
	session, _ := h.Session(id)
	dest := filepath.Join(t.TempDir(), "all")
	h.export(dest, exhibit.Selection{AllAttempts: true}, id)
	got := files(t, dest)
	for _, a := range session.Attempts {
		if _, ok := got["data/"+id.String()+"/api/"+a.ID.String()+"/media.json"]; !ok {
			t.Errorf("the list of attempt %s is not there", a.ID)
		}
		for _, m := range a.Media {
			if !slices.Contains(slices.Collect(maps.Values(got)), string(h.Bytes(m.ID))) {
				t.Errorf("%s of attempt %s is not there", m.Context, a.ID)
			}
		}
	}
	dest = filepath.Join(t.TempDir(), "faces")
	h.export(dest, exhibit.Selection{Selection: listing.Selection{Contexts: []string{"face*"}, NoVideo: true}}, id)
	var r evidence.Record
	if err := json.Unmarshal([]byte(files(t, dest)["data/"+id.String()+"/record.json"]), &r); err != nil {
		t.Fatal(err)
	}
	media := 0
	for _, f := range r.Files {
		if f.Kind == exhibit.Media {
			media++
			if !strings.HasPrefix(f.Context, "face") {
				t.Errorf("%+v", f)
			}
		}
	}
	if media == 0 || media+len(r.LeftOut) != len(session.Attempts[0].Media) || !r.Complete {
		t.Errorf("%d files, left out: %+v", media, r.LeftOut)
	}
}

// The same input, time and key give the same bytes.
func TestSameBytes(t *testing.T) {
	h := newHouse(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		h.export(filepath.Join(dir, "case"), exhibit.Selection{}, h.ids(2)...)
		h.export(filepath.Join(dir, "case.zip"), exhibit.Selection{}, h.ids(2)...)
	}
	if diff := cmp.Diff(files(t, dirs[0]), files(t, dirs[1])); diff != "" {
		t.Error(diff)
	}
	// And the archive has what the folder has.
	z, err := zip.OpenReader(filepath.Join(dirs[0], "case.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for name, want := range files(t, filepath.Join(dirs[0], "case")) {
		f, err := z.Open("case/" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		if text, err := io.ReadAll(f); err != nil || string(text) != want {
			t.Errorf("%s differs in the archive: %v", name, err)
		}
	}
}

// What can't be had is an error; with partial the bag says what it lacks.
func TestPartial(t *testing.T) {
	h := newHouse(t)
	id := h.ids(1)[0]
	plan := h.plan(exhibit.Selection{}, id)
	gone := errors.New("the API is having a bad day")
	var lacking exhibit.Item
	source := &failing{Source: h.source, fails: func(i exhibit.Item) error {
		if lacking.Media == "" && i.Kind == exhibit.Media {
			lacking = i
		}
		if i == lacking {
			return gone
		}
		return nil
	}}
	dest := filepath.Join(t.TempDir(), "case")
	if _, err := evidence.Export(t.Context(), source, plan, dest, h.options()); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	o := h.options()
	o.Partial = true
	sum, err := evidence.Export(t.Context(), source, plan, dest, o)
	if err != nil || len(sum.Missing) != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	got := files(t, dest)
	var r evidence.Record
	if err := json.Unmarshal([]byte(got["data/"+id.String()+"/record.json"]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Complete || len(r.Missing) != 1 || !strings.Contains(r.Missing[0].Name, lacking.Name) || r.Missing[0].Reason != gone.Error() {
		t.Errorf("%+v", r)
	}
	for name, text := range map[string]string{"bag-info.txt": "Veriffs-Complete: no", "README-evidence.txt": "NOT COMPLETE", "contact-sheet.html": "is not complete"} {
		if !strings.Contains(got[name], text) {
			t.Errorf("%s does not say that the bag is not complete", name)
		}
	}
	report, err := evidence.Verify(t.Context(), dest, evidence.VerifyOptions{})
	if err != nil || report.Good() || len(report.Problems) != 0 || len(report.Lacks) == 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Bytes that are cut or changed on the way are never taken for the file.
func TestChangedOnTheWay(t *testing.T) {
	h := newHouse(t)
	plan := h.plan(exhibit.Selection{}, h.ids(1)...)
	for name, change := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"changed": func(b []byte) []byte { b[0] ^= 1; return b },
	} {
		_, err := evidence.Export(t.Context(), &changing{h.source, change}, plan, filepath.Join(t.TempDir(), "case"), h.options())
		if err == nil || !strings.Contains(err.Error(), "arrived changed or cut") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type changing struct {
	exhibit.Source
	change func([]byte) []byte
}

func (c *changing) OpenExhibit(ctx context.Context, i exhibit.Item) (io.ReadCloser, exhibit.Origin, error) {
	body, o, err := c.Source.OpenExhibit(ctx, i)
	if err != nil {
		return nil, o, err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return io.NopCloser(bytes.NewReader(c.change(b))), o, err
}
