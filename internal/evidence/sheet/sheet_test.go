package sheet

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
	"time"
)

// show returns what a sheet shows of a file.
func show(body []byte) seen {
	l := new(Look)
	io.Copy(l, bytes.NewReader(body)) // it never fails
	return l.see()
}

func encoded(t *testing.T, width, height int, as func(io.Writer, image.Image) error) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 80, 255})
		}
	}
	var b bytes.Buffer
	if err := as(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(w io.Writer, i image.Image) error { return jpeg.Encode(w, i, nil) }

// claims is a PNG whose header claims a size; its pixels are not there.
func claims(t *testing.T, width, height uint32) []byte {
	b := encoded(t, 1, 1, png.Encode)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	crc := crc32.ChecksumIEEE(b[12:29])
	binary.BigEndian.PutUint32(b[29:], crc)
	return b
}

// What a file is shows in its bytes alone.
func TestLook(t *testing.T) {
	jpg := encoded(t, 1000, 500, asJPEG)
	ftyp := func(brand string) []byte { return append([]byte("\x00\x00\x00\x18ftyp"+brand), make([]byte, 16)...) }
	for name, c := range map[string]struct {
		body                  []byte
		picture, video, facts bool
		note                  string
	}{
		"a JPEG":                   {body: jpg, picture: true},
		"a PNG":                    {body: encoded(t, 30, 30, png.Encode), picture: true},
		"a cut JPEG":               {body: jpg[:len(jpg)/3], note: "damaged"},
		"a JPEG's header":          {body: jpg[:20], note: "not a picture"},
		"a page":                   {body: []byte("<html><script>alert(1)</script>"), note: "not a picture"},
		"an SVG":                   {body: []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), note: "not a picture"},
		"a PDF":                    {body: []byte("%PDF-1.7\n"), note: "not a picture"},
		"a bomb":                   {body: claims(t, 60000, 60000), note: "60000 × 60000 pixels, too large"},
		"a bomb that overflows":    {body: claims(t, 1<<31-1, 1<<31-1), note: "not a picture"},
		"empty":                    {note: "empty"},
		"WebM":                     {body: []byte("\x1aE\xdf\xa3...."), video: true},
		"MP4":                      {body: ftyp("isom"), video: true},
		"a long video":             {body: append(ftyp("isom"), make([]byte, maxVideo)...), note: "too large"},
		"HEIC":                     {body: ftyp("heic"), note: "not a picture"},
		"chip data":                {body: []byte(`{"DG1":{"mrz":["P<UTO"]}}`), facts: true},
		"more than is looked at":   {body: make([]byte, maxLook+1), note: "too large"},
		"JSON of endless brackets": {body: bytes.Repeat([]byte("["), 100_000), note: "not a picture"},
	} {
		s := show(c.body)
		if (s.Picture != "") != c.picture || (s.Video != "") != c.video || (s.Facts != nil) != c.facts || !strings.Contains(s.Note, c.note) || (s.Note == "") != (c.note == "") {
			t.Errorf("%s: %.80q %.40q %v %q", name, s.Picture, s.Video, s.Facts, s.Note)
		}
	}
}

// A picture is drawn anew: nothing that is hidden in the file is on the sheet.
func TestPicturesAreDrawnAnew(t *testing.T) {
	body := append(encoded(t, 800, 200, asJPEG), "<script>SECRET</script>"...)
	s := show(body)
	small, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(s.Picture), "data:image/jpeg;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(small))
	if err != nil || format != "jpeg" || config.Width != longEdge || config.Height != longEdge/4 || s.Width != 800 || s.Height != 200 {
		t.Errorf("%s of %d × %d, %v; %+v", format, config.Width, config.Height, err, s)
	}
	if bytes.Contains(small, []byte("SECRET")) {
		t.Error("what follows the picture got through")
	}
}

// A picture stands as it was taken, by each of the eight orientations.
func TestOrientation(t *testing.T) {
	plain := encoded(t, 64, 32, asJPEG)
	for o := uint16(1); o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			mark := "II*\x00"
			if order == binary.AppendByteOrder(binary.BigEndian) {
				mark = "MM\x00*"
			}
			tiff := order.AppendUint32([]byte(mark), 8)
			tiff = order.AppendUint16(tiff, 1)
			tiff = order.AppendUint16(order.AppendUint16(tiff, 0x0112), 3)
			tiff = order.AppendUint16(order.AppendUint32(tiff, 1), o)
			exif := append([]byte("Exif\x00\x00"), append(tiff, make([]byte, 8)...)...)
			segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
			body := append(append(append([]byte{}, plain[:2]...), append(segment, exif...)...), plain[2:]...)
			if got := orientation(body); got != int(o) {
				t.Errorf("%d is read as %d", o, got)
			}
			if s := show(body); s.Picture == "" {
				t.Errorf("orientation %d: %s", o, s.Note)
			}
		}
	}
	// Where the top left corner of the stored picture is to be seen.
	from := image.NewRGBA(image.Rect(0, 0, 4, 2))
	from.Set(0, 0, color.White)
	for o, want := range map[int]image.Point{1: {0, 0}, 2: {3, 0}, 3: {3, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 3}, 8: {0, 3}} {
		if to := upright(from, o); to.RGBAAt(want.X, want.Y).R != 255 {
			t.Errorf("orientation %d: the corner is not at %v", o, want)
		}
	}
}

// Nothing that comes from outside is markup, wherever it is put.
func TestHostileTexts(t *testing.T) {
	const evil = `"><script>hacked()</script><img src=http://x/ onerror=hacked()>{{.}}` + "\u202e\x00"
	s, err := New([]string{evil}, time.Unix(0, 0), evil)
	if err != nil {
		t.Fatal(err)
	}
	v := &Session{ID: evil, Missing: []Reason{{evil, evil}}, LeftOut: []string{evil}, Absent: []string{evil}}
	l := new(Look)
	l.Write([]byte(`{"` + strings.ReplaceAll(strings.ReplaceAll(evil, `"`, `\"`), "\x00", "") + `": "</td><script>hacked()</script>"}`))
	s.Show(v, File{Name: evil, Attempt: evil, Context: evil, SHA256: evil, SecretID: evil, Verified: true}, l)
	s.Show(v, File{Name: evil, Attempt: evil, Context: evil}, new(Look))
	v.Decide(l)
	v.Document(File{Name: evil, Attempt: evil, SHA256: evil})
	if err := s.Add(v); err != nil {
		t.Fatal(err)
	}
	page, err := s.End(evil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, tag := range []string{"<script", "<img", "<iframe", "<object", "<a ", "<form", "<base"} {
		if strings.Contains(text, tag) {
			t.Errorf("the page has %s", tag)
		}
	}
	if !strings.Contains(text, "default-src &#39;none&#39;") && !strings.Contains(text, "default-src 'none'") {
		t.Error("the page has no policy")
	}
	if policy, first := strings.Index(text, "Content-Security-Policy"), strings.Index(text, "<style>"); policy < 0 || policy > first {
		t.Error("the policy comes after what it is about")
	}
}

// A sheet does not grow without bounds.
func TestFullSheet(t *testing.T) {
	s, err := New(nil, time.Unix(0, 0), "")
	if err != nil {
		t.Fatal(err)
	}
	l := new(Look)
	l.Write(encoded(t, 30, 30, png.Encode))
	s.room = 3 * len(l.see().Picture)
	v := new(Session)
	for range 5 {
		s.Show(v, File{Name: "face.png"}, l)
	}
	shown := 0
	for _, f := range v.Groups[0].Figures {
		if f.Picture != "" {
			shown++
		} else if !strings.Contains(f.Note, "full") {
			t.Error(f.Note)
		}
	}
	if shown != 3 {
		t.Errorf("%d of 5 pictures", shown)
	}
}

// FuzzLook: whatever a file is, looking at it ends, and what is shown is a picture,
// a video, facts or a note.
func FuzzLook(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 "))
	f.Fuzz(func(t *testing.T, body []byte) {
		orientation(body)
		s := show(body)
		n := 0
		for _, there := range []bool{s.Picture != "", s.Video != "", s.Facts != nil, s.Note != ""} {
			if there {
				n++
			}
		}
		if n > 1 {
			t.Errorf("%+v", s)
		}
		if len(s.Facts) > maxFacts+1 {
			t.Errorf("%d facts", len(s.Facts))
		}
	})
}
