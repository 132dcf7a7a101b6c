package veriff_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"veriffs/veriff"

	"github.com/google/go-cmp/cmp"
)

const (
	id1 = "10000000-0000-4000-8000-000000000001"
	id2 = "20000000-0000-4000-8000-000000000002"
	id3 = "30000000-0000-4000-8000-000000000003"
)

func mustMedia(s string) veriff.MediaID {
	id, err := veriff.ParseMediaID(s)
	if err != nil {
		panic(err)
	}
	return id
}

// brief says of a list what matters to the table below.
func brief(list veriff.MediaList) string {
	var b strings.Builder
	for _, m := range list.Items {
		fmt.Fprintf(&b, "%s %s %d; ", m.Kind, m.ID.String()[:1], m.Size)
	}
	fmt.Fprintf(&b, "dropped %d", list.Dropped)
	return b.String()
}

func TestDecodeMediaList(t *testing.T) {
	body := []byte(`{
		"unknown": {"deep": [1, {"images": [{"id": "` + id3 + `"}]}]},
		"videos": [{"id": "` + id2 + `", "context": "selfid_video", "duration": "12.5", "mimetype": "video/webm", "timestamp": null}],
		"nfcDocuments": null,
		"images": [
			{"url": "https://x/v1/media/` + id1 + `", "sessionId": "` + idText + `", "size": "12345", "mimetype": "image/jpg",
			 "context": "document-front", "name": "document-front", "id": "` + strings.ToUpper(id1) + `", "new": {"a": [1]}}
		],
		"status": "success"
	}`)
	list, err := veriff.DecodeMediaList(body)
	if err != nil {
		t.Fatal(err)
	}
	want := []veriff.Media{
		{ID: mustMedia(id2), Kind: veriff.Video, Context: "selfid_video", MIMEType: "video/webm", Size: -1, Duration: 12500 * time.Millisecond},
		{ID: mustMedia(id1), Session: sessionID, Kind: veriff.Image, Name: "document-front", Context: "document-front", MIMEType: "image/jpg", Size: 12345},
	}
	if diff := cmp.Diff(want, list.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if !bytes.Equal(list.Body, body) || list.Dropped != 0 {
		t.Errorf("body of %d bytes, %d dropped", len(list.Body), list.Dropped)
	}
}

// What may be wrong with one item, or one array, costs no other.
func TestDecodeTolerates(t *testing.T) {
	item := func(fields string) string {
		return `{"status":"success","images":[{"id":"` + id1 + `",` + fields + `}]}`
	}
	for _, test := range []struct{ name, body, want string }{
		{"size a number", item(`"size":7`), "image 1 7; dropped 0"},
		{"size a string", item(`"size":"7"`), "image 1 7; dropped 0"},
		{"size a string with space", item(`"size":" 7 "`), "image 1 7; dropped 0"},
		{"size a whole float", item(`"size":7.0`), "image 1 7; dropped 0"},
		{"size with an exponent", item(`"size":7e2`), "image 1 700; dropped 0"},
		{"size large", item(`"size":1099511627776`), "image 1 1099511627776; dropped 0"},
		{"size too large", item(`"size":1099511627777`), "image 1 -1; dropped 0"},
		{"size 1e30", item(`"size":1e30`), "image 1 -1; dropped 0"},
		{"size 1e999", item(`"size":1e999`), "image 1 -1; dropped 0"},
		{"size of 30 digits", item(`"size":"123456789012345678901234567890"`), "image 1 -1; dropped 0"},
		{"size broken", item(`"size":7.5`), "image 1 -1; dropped 0"},
		{"size negative", item(`"size":-7`), "image 1 -1; dropped 0"},
		{"size zero", item(`"size":0`), "image 1 -1; dropped 0"},
		{"size null", item(`"size":null`), "image 1 -1; dropped 0"},
		{"size true", item(`"size":true`), "image 1 -1; dropped 0"},
		{"size an array", item(`"size":[7]`), "image 1 -1; dropped 0"},
		{"size words", item(`"size":"7 KB"`), "image 1 -1; dropped 0"},
		{"size hexadecimal", item(`"size":"0x10"`), "image 1 -1; dropped 0"},
		{"size infinite", item(`"size":"Inf"`), "image 1 -1; dropped 0"},
		{"size not a number", item(`"size":"NaN"`), "image 1 -1; dropped 0"},
		{"size empty", item(`"size":""`), "image 1 -1; dropped 0"},
		{"size twice", item(`"size":7,"size":8`), "image 1 8; dropped 0"},
		{"all fields of a wrong type", item(`"name":1,"context":[],"mimetype":{},"sessionId":2,"duration":"long","timestamp":{}`), "image 1 -1; dropped 0"},
		{"ids that are none", `{"images":[{"id":"` + id1 + `"},{"id":"../x"},{"id":7},{"id":null},{},{"id":"` + id2 + `x"},{"id":"a/b"},{"id":"\u0000"},{"id":""},{"id":"` + id2 + `"}]}`, "image 1 -1; image 2 -1; dropped 8"},
		{"items that are none", `{"images":[null,7,"` + id1 + `",[],{"id":"` + id1 + `"}]}`, "image 1 -1; dropped 4"},
		{"duplicates", `{"images":[{"id":"` + id1 + `","size":1},{"id":"` + strings.ToUpper(id1) + `","size":2}],"videos":[{"id":"` + id1 + `","size":3},{"id":"` + id2 + `"}]}`, "image 1 1; video 2 -1; dropped 0"},
		{"arrays null", `{"images":null,"videos":null,"nfcDocuments":null}`, "dropped 0"},
		{"two arrays absent", `{"status":"success","videos":null}`, "dropped 0"},
		{"arrays of a wrong type", `{"images":{"id":"` + id1 + `"},"videos":"none","nfcDocuments":[{"id":"` + id3 + `"}]}`, "nfc 3 -1; dropped 2"},
		{"an array twice", `{"images":[{"id":"` + id1 + `"}],"images":[{"id":"` + id2 + `"}]}`, "image 1 -1; image 2 -1; dropped 0"},
		{"white space", " {\r\n\t\"images\" \n:\t[ ] } \n", "dropped 0"},
		{"no status", `{"nfcDocuments":[]}`, "dropped 0"},
		{"another status", `{"status":"partial","images":[{"id":"` + id1 + `"}]}`, "image 1 -1; dropped 0"},
		{"a status of a wrong type", `{"status":[],"images":[{"id":"` + id1 + `"}]}`, "image 1 -1; dropped 0"},
	} {
		list, err := veriff.DecodeMediaList([]byte(test.body))
		if err != nil || brief(list) != test.want {
			t.Errorf("%s: %q, %v; want %q", test.name, brief(list), err, test.want)
		}
	}
}

// What is no listing is an error, never an empty listing.
func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, body := range map[string]string{
		"empty":                "",
		"white space":          " \n",
		"null":                 "null",
		"an array":             `[{"id":"` + id1 + `"}]`,
		"a string":             `"images"`,
		"HTML":                 "<html>",
		"an empty object":      "{}",
		"another object":       `{"dg1":"x"}`,
		"an error":             notFoundBody,
		"a success of nothing": `{"status":"success"}`,
		"a decision":           `{"status":"success","verification":{"id":"` + id1 + `","status":"approved"},"technicalData":{}}`,
		"no decision":          `{"status":"success","verification":null}`,
		"a decision and more":  `{"status":"success","images":[],"verifications":[],"verification":{}}`,
		"a person":             `{"status":"success","person":{"firstName":"A"}}`,
		"an object for arrays": `{"status":"success","images":{},"verifications":{}}`,
		"a failed listing":     `{"status":"fail","images":[{"id":"` + id1 + `"}]}`,
		"a failed status last": `{"images":[],"verifications":[],"status":"Failed"}`,
		"a number for status":  `{"status":404,"images":[],"verifications":[]}`,
		"cut":                  `{"status":"success","images":[{"id":"` + id1 + `"}`,
		"cut in an item":       `{"status":"success","images":[{"id":"` + id1,
		"cut before the brace": `{"status":"success","images":[]`,
		"more after the end":   `{"images":[],"verifications":[]}{}`,
		"too deep":             `{"status":"success","images":[` + deep + `]}`,
		"too deep, unknown":    `{"status":"success","x":` + deep + `}`,
		"no comma":             `{"status":"success" "images":[]}`,
		"a key that is none":   `{1:2}`,
		"not JSON in an item":  `{"images":[{"id":x}],"verifications":[x]}`,
	} {
		if list, err := veriff.DecodeMediaList([]byte(body)); !errors.Is(err, veriff.ErrBody) || list.Items != nil {
			t.Errorf("%s: media %v, %v", name, list.Items, err)
		}
		if list, err := veriff.DecodeAttemptList([]byte(body)); !errors.Is(err, veriff.ErrBody) || list.Items != nil {
			t.Errorf("%s: attempts %v, %v", name, list.Items, err)
		}
	}
}

func TestDecodeBounds(t *testing.T) {
	items := func(n int) []byte { return []byte(`{"images":[` + strings.Repeat("{},", n) + `{}]}`) }
	list, err := veriff.DecodeMediaList(items(veriff.MaxItems - 1))
	if err != nil || list.Dropped != veriff.MaxItems {
		t.Errorf("at the bound: %d, %v", list.Dropped, err)
	}
	if _, err := veriff.DecodeMediaList(items(veriff.MaxItems)); !errors.Is(err, veriff.ErrBody) {
		t.Errorf("over the bound: %v", err)
	}
	// The bound is of the arrays together.
	half := strings.Repeat("{},", veriff.MaxItems/2)
	if _, err := veriff.DecodeMediaList([]byte(`{"images":[` + half + `{}],"videos":[` + half + `{}]}`)); !errors.Is(err, veriff.ErrBody) {
		t.Errorf("over the bound in two arrays: %v", err)
	}
	long := append([]byte(`{"images":[]}`), bytes.Repeat([]byte(" "), veriff.MaxDocument)...)
	if _, err := veriff.DecodeMediaList(long); !errors.Is(err, veriff.ErrBody) {
		t.Errorf("too long: %v", err)
	}
	// An item of very many fields costs no more than it is long.
	wide := []byte(`{"images":[{` + strings.Repeat(`"":0,`, 100_000) + `"id":"` + id1 + `"}]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if list, err := veriff.DecodeMediaList(wide); err != nil || len(list.Items) != 1 {
		t.Errorf("a wide item: %d items, %v", len(list.Items), err)
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 4*uint64(len(wide)) {
		t.Errorf("a wide item allocated %d KiB", spent>>10)
	}
	if _, err := veriff.DecodeMediaList(long[:veriff.MaxDocument]); err != nil {
		t.Errorf("just not too long: %v", err)
	}
}

func TestDecodeAttemptList(t *testing.T) {
	list, err := veriff.DecodeAttemptList([]byte(`{"verifications":[
		{"id":"` + id2 + `","status":"approved","createdTime":"2026-03-04T05:06:07.089Z","userDefinedData":{}},
		{"id":"` + id1 + `","status":7,"createdTime":"yesterday"},
		{"id":"` + id2 + `","status":"again"}, {"id":"x"}, null,
		{"id":"` + id3 + `","createdTime":"2026-03-04T05:06:07+0200"}
	],"status":"success"}`))
	if err != nil {
		t.Fatal(err)
	}
	attempt := func(s string) veriff.AttemptID { id, _ := veriff.ParseAttemptID(s); return id }
	want := []veriff.Attempt{
		{ID: attempt(id2), Status: "approved", Created: time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)},
		{ID: attempt(id1)},
		{ID: attempt(id3), Created: time.Date(2026, 3, 4, 3, 6, 7, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, list.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if list.Dropped != 2 {
		t.Errorf("%d dropped", list.Dropped)
	}
	if _, err := veriff.DecodeAttemptList([]byte(`{"images":[]}`)); !errors.Is(err, veriff.ErrBody) {
		t.Errorf("a media list as attempts: %v", err)
	}
}

func FuzzDecodeMediaList(f *testing.F) {
	f.Add([]byte(`{"status":"success","images":[{"id":"` + id1 + `","size":"1","duration":1}],"videos":null,"nfcDocuments":[{"id":"../x"}]}`))
	f.Add([]byte(notFoundBody))
	f.Add([]byte(`{"images":{},"x":[[[{"a":1e999}]]],"videos":[{"id":"` + id2 + `","size":1e30,"duration":"-1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := veriff.DecodeMediaList(body)
		if err != nil {
			if !errors.Is(err, veriff.ErrBody) || list.Items != nil {
				t.Fatalf("%v with %v", list.Items, err)
			}
			return
		}
		seen := make(map[veriff.MediaID]bool)
		for _, m := range list.Items {
			if m.ID.IsZero() || seen[m.ID] || m.Size == 0 || m.Size < -1 || m.Duration < 0 || m.Kind < veriff.Image || m.Kind > veriff.NFC {
				t.Fatalf("item %+v", m)
			}
			seen[m.ID] = true
		}
		if !bytes.Equal(list.Body, body) {
			t.Fatal("the body is not verbatim")
		}
	})
}

func FuzzDecodeAttemptList(f *testing.F) {
	f.Add([]byte(`{"status":"success","verifications":[{"id":"` + id1 + `","status":"approved","createdTime":"2026-03-04T05:06:07.089Z"}]}`))
	f.Add([]byte(`{"verifications":[null,{"id":7}],"status":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := veriff.DecodeAttemptList(body)
		if err != nil {
			if !errors.Is(err, veriff.ErrBody) || list.Items != nil {
				t.Fatalf("%v with %v", list.Items, err)
			}
			return
		}
		seen := make(map[veriff.AttemptID]bool)
		for _, a := range list.Items {
			if a.ID.IsZero() || seen[a.ID] {
				t.Fatalf("item %+v", a)
			}
			seen[a.ID] = true
		}
	})
}

func BenchmarkDecodeMediaList(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"status":"success","images":[`)
	for i := range 10_000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"%08x-0000-4000-8000-000000000000","name":"document-front","context":"document-front","mimetype":"image/jpeg","size":123456,"sessionId":"%s","timestamp":null,"url":"https://x/v1/media/%08x-0000-4000-8000-000000000000"}`, i+2, idText, i+2)
	}
	body.WriteString(`]}`)
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		if list, err := veriff.DecodeMediaList(body.Bytes()); err != nil || len(list.Items) != 10_000 {
			b.Fatal(len(list.Items), err)
		}
	}
}
