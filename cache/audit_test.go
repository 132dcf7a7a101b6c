package cache

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"veriffs/cache/seal"
)

// TestAudit: whatever is damaged is found and named, and nothing is changed for it.
func TestAudit(t *testing.T) {
	const size = 3*seal.ChunkSize + 100
	for what, c := range map[string]struct {
		damage func(b []byte) []byte
		named  bool // the header is whole, so it is known what it was
	}{
		"nothing":    {damage: func(b []byte) []byte { return b }},
		"salt":       {damage: func(b []byte) []byte { b[10] ^= 1; return b }},
		"header cut": {damage: func(b []byte) []byte { return b[:seal.HeaderSize/2] }},
		"last tag":   {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, true},
		"a chunk":    {func(b []byte) []byte { b[seal.HeaderSize+seal.SealedChunk] ^= 1; return b }, true},
		"body cut":   {damage: func(b []byte) []byte { return b[:len(b)-1] }},
	} {
		t.Run(what, func(t *testing.T) {
			f := newSealedFile(t, size)
			put(t, f.c, "other", content(8, 10))
			damaged := c.damage(bytes.Clone(f.bytes))
			if err := os.WriteFile(f.path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := f.c.Audit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if what == "nothing" {
				if a.Objects != 2 || a.Bytes != size+10 || len(a.Damaged) != 0 {
					t.Errorf("%+v", a)
				}
				return
			}
			if a.Objects != 1 || a.Bytes != 10 || len(a.Damaged) != 1 {
				t.Fatalf("%+v", a)
			}
			d := a.Damaged[0]
			if !errors.Is(d.Err, seal.ErrSeal) || d.Hash == "" || (d.Key == f.key) != c.named || (d.Label != nil) != c.named {
				t.Errorf("%+v", d)
			}
			if b, err := os.ReadFile(f.path); err != nil || !bytes.Equal(b, damaged) {
				t.Error("the audit changed it:", err)
			}
		})
	}
}

// TestAuditOfOthers: what another secret sealed can't be read, and is counted.
func TestAuditOfOthers(t *testing.T) {
	o := testOptions(t)
	c := open(t, o)
	put(t, c, "k", content(1, 10))
	c.Close()
	o.Secrets = [][]byte{[]byte("another")}
	c = open(t, o)
	a, err := c.Audit(t.Context())
	if err != nil || a.Objects != 0 || a.Unreadable != 1 || len(a.Damaged) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Audit(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
