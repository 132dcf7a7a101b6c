// Package s3bucket is a bucket in S3-compatible object storage: AWS, Ceph, MinIO,
// Garage, versitygw and others.
//
// The credentials come from the AWS SDK's default chain and from nowhere else:
// environment, shared files, SSO, web identity, container and instance roles. Requests
// carry checksums only where S3 demands them, since not every server knows them all.
//
// First writer wins by If-None-Match. A server that does not know this header either
// says so (501), and is asked for the object first from then on, or ignores it: then
// the last writer wins.
//
// Get tries once, since whoever waits for it has another source; everything else up to
// three times. Every method ends with its context.
package s3bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"veriffs/internal/bucket"
)

const (
	// tries is how often what nobody waits for is sent.
	tries = 3
	// idle is how many connections are kept for the next requests.
	idle = 64
	// anyRegion is for servers of one's own, most of which have no regions: a
	// signature must name one.
	anyRegion = "us-east-1"
)

// Options say which bucket it is, and where.
type Options struct {
	Bucket string
	// Prefix is where the bucket begins for us, without a slash at either end; "" is
	// the whole.
	Prefix string
	// Endpoint is the URL of the server; "" is AWS's.
	Endpoint string
	// Region is where the bucket is; "" is what the SDK finds in environment and files.
	Region string
	// PathStyle names the bucket in the path of a URL, not in its host.
	PathStyle bool
	// Checksums sends a checksum with what is put, as a bucket with an object lock
	// demands.
	Checksums bool
}

// Bucket is a bucket in object storage, or a part of one.
type Bucket struct {
	client *s3.Client
	bucket *string
	prefix string // "" or with a slash at its end
	close  func() // gives idle connections up

	unconditional atomic.Bool // the server has no conditional PUT
}

var _ bucket.Bucket = (*Bucket)(nil)

// Open reads the settings of the SDK. It sends no request to the bucket.
//
// Errors: bucket.ErrConfig.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
		})),
		config.WithRetryMaxAttempts(tries),
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
		config.WithLogger(logging.Nop{}), // errors are returned, and told once
	}
	if o.Checksums {
		load = append(load, config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenSupported))
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	settings, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bucket.ErrConfig, err)
	}
	if settings.Region == "" {
		if o.Endpoint == "" {
			return nil, fmt.Errorf("%w: the region of the bucket is not known", bucket.ErrConfig)
		}
		settings.Region = anyRegion
	}
	b := &Bucket{bucket: &o.Bucket, prefix: o.Prefix, close: func() {}}
	if c, ok := settings.HTTPClient.(*awshttp.BuildableClient); ok {
		t := c.GetTransport() // its own from here on
		settings.HTTPClient, b.close = &http.Client{Transport: bounded{t}, CheckRedirect: refuseRedirect}, t.CloseIdleConnections
	}
	if b.prefix != "" {
		b.prefix += "/"
	}
	b.client = s3.NewFromConfig(settings, func(s *s3.Options) {
		s.UsePathStyle = o.PathStyle
		if o.Endpoint != "" {
			s.BaseEndpoint = &o.Endpoint
		}
	})
	return b, nil
}

// Close gives idle connections up.
func (b *Bucket) Close() error {
	b.close()
	return nil
}

// refuseRedirect leaves redirects to the SDK, which says what they mean.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (b *Bucket) String() string { return strings.TrimSuffix("s3://"+*b.bucket+"/"+b.prefix, "/") }

func (b *Bucket) key(name string) *string { return aws.String(b.prefix + name) }

// once makes a request be sent once: somebody waits, and has another source.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

// Check implements [bucket.Bucket].
func (b *Bucket) Check(ctx context.Context) error {
	if err := b.credentials(ctx); err != nil {
		return err
	}
	_, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b.bucket, Prefix: &b.prefix, MaxKeys: aws.Int32(1)})
	return meaning(err)
}

// credentials makes sure that there are any. Those that a service hands out which is out
// of reach may come later; an instance's own service is never far.
func (b *Bucket) credentials(ctx context.Context) error {
	_, err := b.client.Options().Credentials.Retrieve(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	var network net.Error
	if errors.As(err, &network) && !strings.Contains(err.Error(), "IMDS") {
		return err
	}
	return fmt.Errorf("%w: no credentials: %w", bucket.ErrDenied, err)
}

// Get implements [bucket.Bucket].
func (b *Bucket) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: b.bucket, Key: b.key(name)}, once)
	if err != nil {
		return nil, 0, meaning(err)
	}
	return out.Body, aws.ToInt64(out.ContentLength), nil
}

// Head implements [bucket.Bucket].
func (b *Bucket) Head(ctx context.Context, o bucket.Info, n int64) ([]byte, error) {
	in := &s3.GetObjectInput{Bucket: b.bucket, Key: b.key(o.Name), Range: aws.String(fmt.Sprintf("bytes=0-%d", n-1))}
	if o.Version != "" {
		in.VersionId = &o.Version
	}
	out, err := b.client.GetObject(ctx, in)
	if code(err) == "InvalidRange" { // of an object without a byte
		return nil, nil
	}
	if err != nil {
		return nil, meaning(err)
	}
	defer out.Body.Close()
	head, err := io.ReadAll(io.LimitReader(out.Body, n))
	return head, meaning(err)
}

// Stat implements [bucket.Bucket].
func (b *Bucket) Stat(ctx context.Context, name string) (bucket.Info, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b.bucket, Key: b.key(name)})
	if err != nil {
		return bucket.Info{}, meaning(err)
	}
	return bucket.Info{Name: name, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}, nil
}

// Put implements [bucket.Bucket].
func (b *Bucket) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if !b.unconditional.Load() {
		err := b.put(ctx, name, body, aws.String("*"))
		switch code(err) {
		case "PreconditionFailed", "ConditionalRequestConflict":
			return fmt.Errorf("%w: %s", bucket.ErrExists, name)
		case "NotImplemented":
			b.unconditional.Store(true)
			if _, err := body.Seek(0, io.SeekStart); err != nil {
				return err
			}
		default:
			return meaning(err)
		}
	}
	if _, err := b.Stat(ctx, name); !errors.Is(err, bucket.ErrNotFound) {
		if err == nil {
			err = fmt.Errorf("%w: %s", bucket.ErrExists, name)
		}
		return err
	}
	return b.Replace(ctx, name, body)
}

// Replace implements [bucket.Bucket].
func (b *Bucket) Replace(ctx context.Context, name string, body io.ReadSeeker) error {
	return meaning(b.put(ctx, name, body, nil))
}

func (b *Bucket) put(ctx context.Context, name string, body io.ReadSeeker, unless *string) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: b.bucket, Key: b.key(name), Body: body, IfNoneMatch: unless, ContentType: aws.String("application/octet-stream"),
	})
	return err
}
