package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/s3bucket"
)

const (
	anchorScheme = "s3://"
	// checkpointSuffix ends the names of checkpoints in a bucket. Other objects there are
	// none of ours.
	checkpointSuffix = ".checkpoint"
	// maxCheckpoint is more bytes than any checkpoint has.
	maxCheckpoint = 64 << 10
	// checkpointReaders is how many checkpoints are read at once.
	checkpointReaders = 32
)

// parseAnchor is anchor.Parse with buckets.
func parseAnchor(text string) (anchor.Anchor, error) {
	if strings.HasPrefix(text, anchorScheme) {
		return parseBucketAnchor(text)
	}
	return anchor.Parse(text)
}

// bucketAnchor keeps each checkpoint as an object of its own, which nothing replaces, in
// a bucket that may have an object lock.
type bucketAnchor struct {
	url     string
	options s3bucket.Options
}

var _ anchor.Anchor = (*bucketAnchor)(nil)

// parseBucketAnchor reads s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true.
func parseBucketAnchor(text string) (*bucketAnchor, error) {
	malformed := fmt.Errorf("must be s3://BUCKET/PREFIX, if needed with ?endpoint=URL&region=NAME&path-style=true, %s", not(text))
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, malformed
	}
	o := s3bucket.Options{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Checksums: true}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, malformed
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "endpoint":
			o.Endpoint = value
			if !isServer(value) {
				return nil, malformed
			}
		case "region":
			o.Region = value
		case "path-style":
			if o.PathStyle, err = strconv.ParseBool(value); err != nil {
				return nil, malformed
			}
		default:
			return nil, malformed
		}
	}
	return &bucketAnchor{text, o}, nil
}

// Name implements [anchor.Anchor].
func (a *bucketAnchor) Name() string { return a.url }

// Publish implements [anchor.Anchor]. The bucket is opened each time, so that new
// credentials of the environment are used.
func (a *bucketAnchor) Publish(ctx context.Context, checkpoint []byte) error {
	b, err := s3bucket.Open(ctx, a.options)
	if err != nil {
		return err
	}
	defer b.Close()
	return keepCheckpoint(ctx, b, checkpoint)
}

// keepCheckpoint puts a checkpoint under a name that says of which log and how many
// records it is. The hash keeps two that contradict each other apart.
func keepCheckpoint(ctx context.Context, b bucket.Bucket, checkpoint []byte) error {
	c, err := logfile.ParseCheckpointText(string(checkpoint))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(checkpoint)
	name := fmt.Sprintf("%s/%020d-%x%s", path.Base(c.Origin), c.Size, sum[:8], checkpointSuffix)
	err = b.Put(ctx, name, bytes.NewReader(checkpoint))
	if !errors.Is(err, bucket.ErrExists) {
		return err
	}
	there, err := readCheckpoint(ctx, b, bucket.Info{Name: name}) // by a try whose answer was lost?
	if err == nil && !bytes.Equal(there, checkpoint) {
		err = fmt.Errorf("%s is there, with other contents", name)
	}
	return err
}

// checkpointsOf returns what fetches the checkpoints in a bucket, which --checkpoint
// names as --access-log-anchor does.
func checkpointsOf(ctx context.Context) func(url string) ([][]byte, error) {
	return func(url string) ([][]byte, error) {
		a, err := parseBucketAnchor(url)
		if err != nil {
			return nil, err
		}
		b, err := s3bucket.Open(ctx, a.options)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		return readCheckpoints(ctx, b)
	}
}

// readCheckpoints returns all checkpoints in a bucket, also those that were hidden by a
// newer version or a marker, in the order of their names.
func readCheckpoints(ctx context.Context, b bucket.Bucket) (texts [][]byte, err error) {
	var (
		work  errgroup.Group
		mu    sync.Mutex
		found []kept
	)
	work.SetLimit(checkpointReaders)
	for o, listed := range b.List(ctx, "") {
		if err = listed; err != nil {
			break
		}
		if !strings.HasSuffix(o.Name, checkpointSuffix) {
			continue
		}
		work.Go(func() error {
			text, err := readCheckpoint(ctx, b, o)
			if err != nil {
				return fmt.Errorf("%s: %w", o.Name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, kept{o.Name, text})
			return nil
		})
	}
	err = errors.Join(err, work.Wait())
	slices.SortFunc(found, func(a, b kept) int { return strings.Compare(a.name, b.name) })
	for _, k := range found {
		texts = append(texts, k.text)
	}
	return texts, err
}

// kept is a checkpoint as a bucket has it.
type kept struct {
	name string
	text []byte
}

func readCheckpoint(ctx context.Context, b bucket.Bucket, o bucket.Info) ([]byte, error) {
	return b.Head(ctx, o, maxCheckpoint)
}
