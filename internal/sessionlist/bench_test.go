package sessionlist

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"veriffs/veriff"
)

// BenchmarkRead reads a million lines of each form.
func BenchmarkRead(b *testing.B) {
	const lines = 1_000_000
	for _, form := range []struct{ name, head, line string }{
		{"plain", "", "%s\n"},
		{"table", "name,status,session id,attempt id\n", "\"Doe, J\",approved,%s,ffffff00-1111-4222-8333-444444444444\n"},
		{"events", "", `{"id":"%s","attemptId":"ffffff00-1111-4222-8333-444444444444","feature":"selfid","code":7002,"action":"submitted","vendorData":null,"endUserId":null}` + "\n"},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var text bytes.Buffer
		text.WriteString(form.head)
		for range lines {
			var id veriff.SessionID
			for i := range id {
				id[i] = byte(random.Uint32())
			}
			fmt.Fprintf(&text, form.line, id)
		}
		b.Run(form.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				ids, err := Read(bytes.NewReader(text.Bytes()), nil)
				if err != nil || len(ids) < lines-1 {
					b.Fatal(len(ids), err)
				}
			}
		})
	}
}
