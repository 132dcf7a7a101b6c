//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// stack is a sample's, leaf first. Each location is a list of what was inlined into the
// last of it.
func stack(locations ...[]string) *profile.Sample {
	s := &profile.Sample{Value: []int64{1, int64(10 * time.Millisecond)}}
	for _, names := range locations {
		location := new(profile.Location)
		for _, name := range names {
			location.Line = append(location.Line, profile.Line{Function: &profile.Function{Name: name}})
		}
		s.Location = append(s.Location, location)
	}
	return s
}

// calls is a stack without inlined functions.
func calls(names ...string) *profile.Sample {
	var locations [][]string
	for _, name := range names {
		locations = append(locations, []string{name})
	}
	return stack(locations...)
}

const (
	syscall6 = "internal/runtime/syscall/linux.Syscall6"
	gcm      = "crypto/internal/fips140/aes/gcm.gcmAesDec"
	block    = "crypto/internal/fips140/sha256.blockSHANI"
	hash     = "crypto/internal/fips140/sha256.(*Digest).Write"
	download = "veriffs/veriff.(*Client).stream"
)

// TestStageIsOfTheInnermost: stacks as profiles have them.
func TestStageIsOfTheInnermost(t *testing.T) {
	for name, c := range map[string]struct {
		sample *profile.Sample
		want   string
	}{
		"AES in a TLS record": {calls(gcm, "crypto/tls.(*halfConn).decrypt", "crypto/tls.(*Conn).Read", "net/http.(*persistConn).Read", download), "TLS"},
		"AES in the cache":    {calls(gcm, "veriffs/cache/seal.(*Writer).seal", "veriffs/cache.(*Writer).Write", download), "sealing and opening (AES-GCM)"},
		"a read from a socket below TLS": {calls(syscall6, "syscall.read", "internal/poll.(*FD).Read", "net.(*conn).Read",
			"crypto/tls.(*atLeastReader).Read", "crypto/tls.(*Conn).Read", download), "HTTP and sockets"},
		"a write to a file of the cache": {calls(syscall6, "syscall.pwrite", "internal/poll.(*FD).Pwrite", "os.(*File).WriteAt",
			"veriffs/cache.(*sink).put", "veriffs/cache/seal.(*Writer).seal"), "files of the cache: writing"},
		"a read of a file of the cache": {calls(syscall6, "golang.org/x/sys/unix.Pread", "veriffs/cache/directory.(*File).ReadAt",
			"veriffs/cache/seal.(*Contents).readChunk"), "files of the cache: reading"},
		"the name of a file of the cache": {calls(syscall6, "golang.org/x/sys/unix.Renameat", "veriffs/cache/directory.(*Directory).Rename",
			"veriffs/cache.(*sink).rename"), "files of the cache: making, naming, opening"},
		"SHA-256 of a signature": {calls(block, hash, "crypto/internal/fips140/hmac.(*HMAC).Write", "veriffs/veriff.(*digest).Write", download), "HMAC (signature)"},
		"SHA-256 of a receipt":   {calls(block, hash, "veriffs/veriff.(*digest).Write", download), "SHA-256"},
		"the same, inlined":      {stack([]string{block}, []string{hash, "veriffs/veriff.(*digest).Write", download}), "SHA-256"},
		"a reply to the kernel": {calls(syscall6, "golang.org/x/sys/unix.writev", "github.com/hanwen/go-fuse/v2/fuse.(*Server).systemWrite",
			"github.com/hanwen/go-fuse/v2/fuse.(*Server).loop"), "FUSE replies"},
		"the collector itself":         {calls("runtime.scanObject", "runtime.gcDrain", "runtime.systemstack", "runtime.gcBgMarkWorker"), "garbage collection"},
		"a reader that has to help it": {calls("runtime.gcDrainN", "runtime.gcAssistAlloc", "runtime.mallocgc", "net/http.ReadResponse"), "garbage collection"},
		"memory that a reader takes":   {calls("runtime.mallocgc", "runtime.makeslice", "net/http.ReadResponse"), "HTTP and sockets"},
		"a wait for work":              {calls("runtime.futex", "runtime.notesleep", "runtime.stopm", "runtime.findRunnable", "runtime.schedule", "runtime.mcall"), "scheduling"},
		"the library, in an open": {calls("runtime.mapaccess2", "veriffs/internal/library.(*Library).Open", "veriffs/fs.(*mediaFile).Open",
			"github.com/hanwen/go-fuse/v2/fs.(*rawBridge).Open"), elsewhere},
		"what nobody knows":                      {calls("runtime.unknown", "main.main"), elsewhere},
		"a name that only begins like a package": {calls("netx.Dial", "crypto/tlsx.Client"), elsewhere},
		"no function at all":                     {&profile.Sample{Location: []*profile.Location{{Line: []profile.Line{{}}}}}, elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stageOf(c.sample); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestStageTable(t *testing.T) {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		Sample:     []*profile.Sample{calls(gcm, "crypto/tls.(*Conn).Read"), calls(gcm, "veriffs/cache/seal.(*Writer).seal"), calls("main.main")},
	}
	walks := stageColumn{name: "two walks", walks: 2, times: stageTimes{}, cpu: 62 * time.Millisecond}
	walks.times.add(p)
	walks.times.add(p)
	want := stageTimes{"TLS": 20 * time.Millisecond, "sealing and opening (AES-GCM)": 20 * time.Millisecond, elsewhere: 20 * time.Millisecond}
	if diff := cmp.Diff(want, walks.times); diff != "" {
		t.Error(diff)
	}
	wantText := `| stage | two walks, s/GB |
| --- | ---: |
| TLS | 0.05 |
| HTTP and sockets | 0.00 |
| HMAC (signature) | 0.00 |
| SHA-256 | 0.00 |
| sealing and opening (AES-GCM) | 0.05 |
| files of the cache: writing | 0.00 |
| files of the cache: reading | 0.00 |
| files of the cache: making, naming, opening | 0.00 |
| FUSE replies | 0.00 |
| garbage collection | 0.00 |
| scheduling | 0.00 |
| everything else | 0.05 |
| all | 0.16 |
| all, as the kernel counts it | 0.16 |
`
	if diff := cmp.Diff(wantText, (stageTable{walks}).String()); diff != "" {
		t.Error(diff)
	}
}
