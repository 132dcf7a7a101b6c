package s3bucket_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"veriffs/internal/bucket"
	"veriffs/internal/bucket/buckettest"
	"veriffs/internal/bucket/s3bucket"
)

// TestConformance has a real server do what every bucket has to, at the top and below
// a prefix.
func TestConformance(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	for _, prefix := range []string{"", "some/prefix"} {
		t.Run("prefix "+prefix, func(t *testing.T) { buckettest.Conform(t, g.Open("", prefix)) })
	}
}

func TestConformanceWithVersions(t *testing.T) {
	buckettest.Conform(t, buckettest.NewGateway(t, true).Open("", "p"))
}

// TestVersions removes all versions of an object, and lists each of them before.
func TestVersions(t *testing.T) {
	ctx := t.Context()
	b := buckettest.NewGateway(t, true).Open("", "p")
	for _, text := range []string{"1", "22", "333"} {
		if err := b.Replace(ctx, "aa/1", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Put(ctx, "aa/11", strings.NewReader("another, whose name begins alike")); err != nil {
		t.Fatal(err)
	}
	var heads []string
	for o, err := range b.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		head, err := b.Head(ctx, o, 5)
		if err != nil {
			t.Error(err)
		}
		heads = append(heads, string(head))
	}
	if len(heads) != 4 {
		t.Errorf("listed: %q", heads)
	}
	if n, err := b.Remove(ctx, "aa/1"); n != 3 || err != nil {
		t.Errorf("%d of 3 versions were removed, %v", n, err)
	}
	if _, err := b.Stat(ctx, "aa/11"); err != nil {
		t.Error("the other:", err)
	}
}

// TestCheck tells what is wrong apart.
func TestCheck(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	check := func(o s3bucket.Options) error {
		b, err := s3bucket.Open(t.Context(), o)
		if err != nil {
			return err
		}
		defer b.Close()
		return b.Check(t.Context())
	}
	good := s3bucket.Options{Bucket: buckettest.BucketName, Endpoint: g.URL, PathStyle: true}
	if err := check(good); err != nil {
		t.Error(err)
	}
	other := good
	other.Bucket = "missing"
	if err := check(other); !errors.Is(err, bucket.ErrNoBucket) {
		t.Error("a bucket that is missing:", err)
	}
	if err := check(s3bucket.Options{Bucket: "b"}); !errors.Is(err, bucket.ErrConfig) {
		t.Error("no region:", err)
	}
	g.Stop()
	if err := check(good); err == nil || errors.Is(err, bucket.ErrDenied) || errors.Is(err, bucket.ErrNoBucket) {
		t.Error("no server:", err)
	}
	g.Start()
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	err := check(good)
	if !errors.Is(err, bucket.ErrDenied) {
		t.Error("wrong credentials:", err)
	}
	if strings.Contains(err.Error(), "wrong") {
		t.Error("the secret is in the error:", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if err := check(good); !errors.Is(err, bucket.ErrDenied) {
		t.Error("no credentials:", err)
	}
}

// TestFaults: what reading makes of a server that fails.
func TestFaults(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	p := buckettest.NewProxy(t, g.URL)
	b := g.Open(p.URL, "")
	if err := b.Put(t.Context(), "aa/1", strings.NewReader(strings.Repeat("x", 10_000))); err != nil {
		t.Fatal(err)
	}
	read := func(ctx context.Context) error {
		_, _, err := b.Get(ctx, "aa/1")
		return err
	}
	for _, f := range []struct {
		fault buckettest.Fault
		want  error // nil: temporary
	}{
		{buckettest.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}, bucket.ErrDenied},
		{buckettest.Fault{Status: http.StatusForbidden, Code: "ExpiredToken"}, bucket.ErrDenied},
		{buckettest.Fault{Status: http.StatusNotFound, Code: "NoSuchBucket"}, bucket.ErrNoBucket},
		{buckettest.Fault{Status: http.StatusNotFound, Code: "NoSuchKey"}, bucket.ErrNotFound},
		{buckettest.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}, nil},
		{buckettest.Fault{Reset: true}, nil},
	} {
		p.Set(f.fault)
		err := read(t.Context())
		for _, meaning := range []error{bucket.ErrDenied, bucket.ErrNoBucket, bucket.ErrNotFound, bucket.ErrConfig} {
			if errors.Is(err, meaning) != (meaning == f.want) {
				t.Errorf("%+v: %v", f.fault, err)
			}
		}
		if err == nil {
			t.Errorf("%+v: no error", f.fault)
		}
		if n := p.Requests(http.MethodGet); n != 1 && !f.fault.Reset { // a kept connection that is reset is not given up on
			t.Errorf("%+v: asked %d times", f.fault, n)
		}
	}
	hold := make(chan struct{})
	p.Set(buckettest.Fault{Hold: hold})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a server that does not answer:", err)
	}
	close(hold)
}

// TestUnconditional: a server without conditional writes is asked for the object first.
func TestUnconditional(t *testing.T) {
	g := buckettest.NewGateway(t, false)
	p := buckettest.NewProxy(t, g.URL)
	b := g.Open(p.URL, "")
	p.Set(buckettest.Fault{Match: func(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" }, Status: http.StatusNotImplemented, Code: "NotImplemented"})
	for _, name := range []string{"aa/1", "aa/2"} {
		if err := b.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if err := b.Put(t.Context(), name, strings.NewReader("y")); !errors.Is(err, bucket.ErrExists) {
			t.Error("put again:", err)
		}
	}
}
