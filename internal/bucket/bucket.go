// Package bucket is what several machines keep objects in: bytes under names, each
// written once and as a whole. Package s3bucket is one in S3-compatible storage,
// package folder one in a directory that the machines share.
//
// Promises. An object that can be read is one that somebody put, whole: an upload
// that was interrupted leaves nothing under its name. Of several that put under one
// name at the same moment the first wins, and the others get [ErrExists].
//
// Not promised: that what is read is what was put. Whoever runs the bucket can change
// anything, so its users authenticate what they get.
//
// A [Bucket] may be used by any number of goroutines.
package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that the users of a bucket tell apart. All others are temporary: the bucket
// is out of reach, slow or overloaded.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("no such object")
	// ErrExists: there is an object of this name already.
	ErrExists = errors.New("the object exists")
	// ErrDenied: the bucket refuses the credentials, or they do not allow this.
	ErrDenied = errors.New("access denied")
	// ErrNoBucket: there is no such bucket, or no such folder.
	ErrNoBucket = errors.New("no such bucket")
	// ErrConfig: the settings can't be right, whatever the bucket says.
	ErrConfig = errors.New("unusable settings")
)

// Info is what a bucket knows of an object.
type Info struct {
	Name     string
	Version  string    // "" is the newest
	Size     int64     // bytes
	Modified time.Time // when it was put, by the clock of the bucket
}

// Bucket holds objects. Their names are paths with slashes, relative to where the
// bucket begins.
type Bucket interface {
	// Check finds out whether the bucket is there and lets us list and read.
	// Errors: ErrDenied, ErrNoBucket, ErrConfig, or why it did not answer.
	Check(ctx context.Context) error
	// Get opens an object of size bytes: ErrNotFound if there is none. Close the body.
	Get(ctx context.Context, name string) (body io.ReadCloser, size int64, err error)
	// Head returns the first n bytes of a version that List has named, or all if it is
	// shorter: ErrNotFound if it is gone.
	Head(ctx context.Context, o Info, n int64) ([]byte, error)
	// Stat says what there is of a name: ErrNotFound if nothing.
	Stat(ctx context.Context, name string) (Info, error)
	// Put makes an object of all of body: ErrExists if there is one.
	Put(ctx context.Context, name string, body io.ReadSeeker) error
	// Replace is Put in place of an object that may be there.
	Replace(ctx context.Context, name string, body io.ReadSeeker) error
	// List yields the objects whose names begin with a prefix that is empty or ends
	// with a slash, with every version that the bucket keeps of them, in no order. It
	// ends with the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Remove removes an object with all versions that the bucket keeps of it, and
	// makes sure that none is left. It returns how many were removed, 0 if there was
	// none, also with an error.
	Remove(ctx context.Context, name string) (versions int, err error)
	// Drop removes the newest version of an object that may be there and that is no
	// secret. It makes sure of nothing.
	Drop(ctx context.Context, name string) error
	// String names the bucket for people.
	String() string
}
