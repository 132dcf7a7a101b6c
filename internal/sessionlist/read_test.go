package sessionlist

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff"
)

// id returns a session id that is told apart by its number, and in order.
func id(n int) veriff.SessionID {
	s, err := veriff.ParseSessionID(fmt.Sprintf("%08x-1111-4222-8333-444444444444", n+16))
	if err != nil {
		panic(err)
	}
	return s
}

func ids(ns ...int) []veriff.SessionID {
	var all []veriff.SessionID
	for _, n := range ns {
		all = append(all, id(n))
	}
	return all
}

// fill replaces @1, @2 … by session ids, ! by an id that is no session's.
func fill(s string) string {
	for n := 9; n > 0; n-- {
		s = strings.ReplaceAll(s, fmt.Sprintf("@%d", n), id(n).String())
	}
	return strings.ReplaceAll(s, "!", "ffffff00-1111-4222-8333-444444444444")
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []int
		bad        []string
	}{
		{name: "empty"},
		{name: "comments only", text: "# nothing yet\n\n  # still nothing\n"},
		{name: "plain", text: "@2\n@1\n", want: []int{1, 2}},
		{name: "no last newline", text: "@2\n@1", want: []int{1, 2}},
		{name: "twice", text: "@1\n@2\n@1\n", want: []int{1, 2}},
		{name: "upper case", text: strings.ToUpper(id(1).String()), want: []int{1}},
		{name: "bom, crlf, blanks, comments", text: "\xef\xbb\xbf# cases\r\n  @1\t# of June\r\n\r\n\"@2\"\r\n", want: []int{1, 2}},
		{name: "bad lines", text: "@1\nJohn Doe\n@2 @3\n@4\n", want: []int{1, 4}, bad: []string{"2: not a session id", "3: not a session id"}},

		{name: "csv", text: "Name,Session ID,Attempt\nx,@1,!\ny,@2,!\n", want: []int{1, 2}},
		{name: "semicolons and bom", text: "\xef\xbb\xbfattempt;verification-id\n!;@1\n!;@2", want: []int{1, 2}},
		{name: "tabs", text: "attempt\tSESSIONID\n!\t@1\n\t@2\n", want: []int{1, 2}},
		{name: "quotes", text: `"a, ""b""","sessionId"` + "\n" + `"x,""y""` + "\n" + `z", "@1" ` + "\n" + `,"@2"` + "\n", want: []int{1, 2}},
		{name: "better name wins", text: "id,attempt_id,session_id\n!,!,@1\n", want: []int{1}},
		{name: "only column", text: "session_id\n@1\n\n@2\n", want: []int{1, 2}},
		{name: "header alone", text: "session_id\n"},
		{name: "unknown header", text: "customer,case,attempt\n7,@1,!\n8,@2,!\n", want: []int{1, 2}},
		{name: "no header", text: "7;@1;!\n8;@2;!\n", want: []int{1, 2}},
		{name: "title above header", text: "Export, June\nattempt,session id\n!,@1\n", want: []int{1}},
		{name: "id by itself in a table", text: "name,session id\nx,@1\n@2\n# done, really\n", want: []int{1, 2}},
		{name: "bad rows", text: "name,session id\nx\ny,\n\"z\"z,@1\nw,@2\n", want: []int{2}, bad: []string{
			"2: too few columns", "3: no session id in its column", "4: a quoted field is followed by other text"}},
		{name: "stray quote", text: "name,session id\n\"x,@1\ny,@2\nz,@3\n", want: []int{2, 3}, bad: []string{"2: a quoted field has no end"}},
		{name: "quotes inside a field", text: "size,session id,note\n5\" x 7\",@1,a \"b\"\nx,\"@2\",\"c\n", want: []int{1}, bad: []string{"3: a quoted field has no end"}},
		{name: "line break and blanks in a record", text: "session id,note\n \"@1\" , \"a\n\n b\"\t\n@2, \"c\"  \n", want: []int{2}, bad: []string{
			"2: a quoted field is followed by other text", "4: no session id in its column"}},

		{name: "prose in a list", text: "Hello, world\n@1\nbye, world\n@2\n", want: []int{1, 2}, bad: []string{
			"3: no session id in any column", "1: not a session id"}},

		{name: "event", text: `{"id":"@1","attemptId":"!","feature":"selfid","code":7002,"action":"submitted","vendorData":null}`, want: []int{1}},
		{name: "decision", text: `{"status":"success","verification":{"id":"@1","attemptId":"!","code":9001,"person":{"id":"!"}},"technicalData":{"ip":"1.2.3.4"}}`, want: []int{1}},
		{name: "custom status", text: `{"attemptId":"!","data":{"verification":{"id":"@1"}},"eventType":"custom"}`, want: []int{1}},
		{name: "json lines", text: "{\"id\":\"@1\"}\r\n{\"verification\":{\"id\":\"@2\"}}\n", want: []int{1, 2}},
		{name: "mixed", text: "@1\n{\"id\":\"@2\"}\n# c\n@3\n", want: []int{1, 2, 3}},
		{name: "pretty", text: "{\n  \"verification\": {\n    \"a\": [1, {}, []],\n    \"id\": \"@1\"\n  }\n}\n@2\n", want: []int{1, 2}},
		{name: "array", text: "[\n  {\"id\": \"@1\"},\n  [{\"id\": \"@2\"}],\n  \"@3\",\n  7, null\n]\n", want: []int{1, 2, 3}},
		{name: "two on a line", text: `{"id":"@1"} {"id":"@2"}`, want: []int{1, 2}},
		{name: "empty array", text: "[]"},
		{name: "cut line", text: "{\"id\":\"@1\",\"x\n{\"id\":\"@2\"}\n", want: []int{2}, bad: []string{"1: not valid JSON"}},
		{name: "cut between tokens", text: "{\"id\":\"@1\",\n{\"id\":\"@2\"}\n@3\n{\"a\":\n@4\n", want: []int{2, 3, 4}, bad: []string{"1: not valid JSON", "4: not valid JSON"}},
		{name: "cut at the end", text: "@1\n{\"id\":\"@2\",\n", want: []int{1}, bad: []string{"2: a JSON value has no end"}},
		{name: "no id", text: "@1\n{\"id\":7}\n{\"id\":\"x\"}\n{\"verification\":[]}\n", want: []int{1}, bad: []string{
			"2: no session id in it", "3: no session id in it", "4: no session id in it"}},
		{name: "text after", text: "{\"id\":\"@1\"},\n@2\n", want: []int{1, 2}, bad: []string{"1: other text after a JSON value"}},
		{name: "nested arrays", text: "[[[\"@1\",\n{}], {\"id\":\"@2\"}],\n{}]", want: []int{1, 2}, bad: []string{"1: no session id in it", "3: no session id in it"}},
		{name: "arrays nested too deeply", text: strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n@1\n", want: []int{1}, bad: []string{"1: JSON nested too deeply"}},
		{name: "array of other values", text: "[1, null, true, [2]]"},
		{name: "array with a bad one", text: "[{\"id\":\"@1\"},\n{},\n{\"id\":\"@2\"}]", want: []int{1, 2}, bad: []string{"2: no session id in it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var bad []string
			got, err := Read(strings.NewReader(fill(tt.text)), func(line int, reason string) {
				bad = append(bad, fmt.Sprintf("%d: %s", line, reason))
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ids(tt.want...), got); diff != "" {
				t.Errorf("ids: %s", diff)
			}
			if diff := cmp.Diff(tt.bad, bad); diff != "" {
				t.Errorf("bad lines: %s", diff)
			}
		})
	}
}

// TestReadLargeJSON reads an array and values that are longer than what is held
// in memory at once.
func TestReadLargeJSON(t *testing.T) {
	filler := strings.Repeat("x", maxValue/2)
	element := `{"filler":"` + filler + `","id":"@%d"}`
	for _, tt := range []struct {
		name, text string
		want       []int
		bad        []string
	}{
		{"array on one line", "[" + fmt.Sprintf(element+","+element+",{},"+element, 1, 2, 3) + "]\n@4\n", []int{1, 2, 3, 4}, []string{"1: no session id in it"}},
		{"array on several lines", "[\n" + fmt.Sprintf(element+",\n"+element+",\n{}, "+element, 1, 2, 3) + "\n]\n@4\n", []int{1, 2, 3, 4}, []string{"4: no session id in it"}},
		{"value too large", fmt.Sprintf("{\"a\":[\""+strings.Repeat(filler, 4)+"\"],\"id\":\"@%d\"}\n{\"id\":\"@%d\"}\n", 1, 2), []int{2}, []string{"1: a JSON value longer than 1 MiB"}},
		{"element too large", fmt.Sprintf("[{\"id\":\"@%d\"},\n\""+strings.Repeat(filler, 5)+"\"]\n@%d\n", 1, 2), []int{1, 2}, []string{"1: a JSON value longer than 1 MiB"}},
		{"value without an end", fmt.Sprintf("@%d\n{\"a\":[\n", 1) + strings.Repeat("0,\n", maxValue), []int{1}, []string{"2: a JSON value longer than 1 MiB"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var bad []string
			got, err := Read(strings.NewReader(fill(tt.text)), func(line int, reason string) {
				if len(bad) < len(tt.bad) {
					bad = append(bad, fmt.Sprintf("%d: %s", line, reason))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ids(tt.want...), got); diff != "" {
				t.Errorf("ids: %s", diff)
			}
			if diff := cmp.Diff(tt.bad, bad); diff != "" {
				t.Errorf("bad lines: %s", diff)
			}
		})
	}
}
