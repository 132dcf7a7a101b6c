package s3bucket

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"veriffs/internal/bucket"
)

// rounds bounds how often a name is looked at again while it is being removed:
// somebody may put it anew.
const rounds = 4

// mostVersions bounds the versions of an object that are removed.
const mostVersions = 100_000

// List implements [bucket.Bucket].
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		pages := s3.NewListObjectVersionsPaginator(b.client, &s3.ListObjectVersionsInput{Bucket: b.bucket, Prefix: b.key(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if code(err) == "NotImplemented" {
				b.listNewest(ctx, prefix, yield)
				return
			}
			if err != nil {
				yield(bucket.Info{}, meaning(err))
				return
			}
			for _, o := range page.Versions {
				if aws.ToBool(o.IsLatest) {
					o.VersionId = nil // not every server knows the only one by its id
				}
				if !yield(b.info(o.Key, o.VersionId, o.Size, o.LastModified)) {
					return
				}
			}
		}
	}
}

// listNewest is List for a server that keeps no versions.
func (b *Bucket) listNewest(ctx context.Context, prefix string, yield func(bucket.Info, error) bool) {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: b.bucket, Prefix: b.key(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			yield(bucket.Info{}, meaning(err))
			return
		}
		for _, o := range page.Contents {
			if !yield(b.info(o.Key, nil, o.Size, o.LastModified)) {
				return
			}
		}
	}
}

// info is an entry of a listing; an error if it is of what was not asked for.
func (b *Bucket) info(key, version *string, size *int64, modified *time.Time) (bucket.Info, error) {
	name, ours := strings.CutPrefix(aws.ToString(key), b.prefix)
	if !ours || name == "" && b.prefix == "" {
		return bucket.Info{}, errors.New("the server lists objects that it was not asked for")
	}
	return bucket.Info{Name: name, Version: aws.ToString(version), Size: aws.ToInt64(size), Modified: aws.ToTime(modified)}, nil
}

// Remove implements [bucket.Bucket].
func (b *Bucket) Remove(ctx context.Context, name string) (versions int, err error) {
	for range rounds {
		ids, err := b.versions(ctx, name)
		if err != nil {
			return versions, err
		}
		if len(ids) == 0 {
			return versions, b.gone(ctx, name)
		}
		for _, id := range ids {
			if err := b.removeVersion(ctx, name, id); err != nil {
				return versions, fmt.Errorf("%d of %d versions were removed: %w", versions, versions+len(ids), err)
			}
			versions++
		}
	}
	return versions, errors.New("the object keeps coming back")
}

// gone makes sure that an object of which no version is listed can't be read.
func (b *Bucket) gone(ctx context.Context, name string) error {
	switch _, err := b.Stat(ctx, name); {
	case errors.Is(err, bucket.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return errors.New("the object is still there")
}

// removeVersion removes one version for good, or a marker; nil is the only one of a
// server that keeps no versions.
func (b *Bucket) removeVersion(ctx context.Context, name string, id *string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b.bucket, Key: b.key(name), VersionId: id})
	return meaning(err)
}

// Drop implements [bucket.Bucket].
func (b *Bucket) Drop(ctx context.Context, name string) error { return b.removeVersion(ctx, name, nil) }

// versions lists the versions of one object, and the markers that it was removed.
func (b *Bucket) versions(ctx context.Context, name string) (ids []*string, err error) {
	key := b.key(name)
	pages := s3.NewListObjectVersionsPaginator(b.client, &s3.ListObjectVersionsInput{Bucket: b.bucket, Prefix: key})
	for pages.HasMorePages() {
		if len(ids) > mostVersions {
			return nil, fmt.Errorf("the object has more than %d versions", mostVersions)
		}
		page, err := pages.NextPage(ctx)
		if code(err) == "NotImplemented" {
			return b.only(ctx, name)
		}
		if err != nil {
			return nil, meaning(err)
		}
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == *key {
				ids = append(ids, v.VersionId)
			}
		}
		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == *key {
				ids = append(ids, m.VersionId)
			}
		}
	}
	return ids, nil
}

// only is versions for a server that keeps none.
func (b *Bucket) only(ctx context.Context, name string) ([]*string, error) {
	switch _, err := b.Stat(ctx, name); {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []*string{nil}, nil
}
