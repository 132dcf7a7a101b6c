package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"veriffs/cache"
	"veriffs/internal/bucket"
	"veriffs/internal/bucket/folder"
	"veriffs/internal/bucket/s3bucket"
	"veriffs/internal/store"
	"veriffs/internal/team"
)

// Names of the flags about the team's store.
const (
	flagTeamStore     = "team-store"
	flagTeamEndpoint  = "team-store-endpoint"
	flagTeamRegion    = "team-store-region"
	flagTeamPathStyle = "team-store-path-style"
	flagTeamPad       = "team-store-pad"
	flagTeamPatience  = "team-store-patience"
)

// teamCheck is how long a mount waits at its start to hear whether the store is there.
const teamCheck = 15 * time.Second

// teamFlags say where the team shares files.
func teamFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: flagTeamStore, Category: groupTeam, EnvVars: variables(flagTeamStore), DefaultText: "none",
			Usage: "share fetched files, encrypted, with the mounts that name the same `URL`: s3://BUCKET/PREFIX or file:///DIR"},
		&cli.StringFlag{Name: flagTeamEndpoint, Category: groupTeam, EnvVars: variables(flagTeamEndpoint), DefaultText: "AWS",
			Usage: "`URL` of the server of an s3:// store"},
		&cli.StringFlag{Name: flagTeamRegion, Category: groupTeam, EnvVars: variables(flagTeamRegion), DefaultText: "as the AWS SDK finds it",
			Usage: "`REGION` of an s3:// store"},
		&cli.BoolFlag{Name: flagTeamPathStyle, Category: groupTeam, EnvVars: variables(flagTeamPathStyle),
			Usage: "name the bucket in the path of a URL and not in its host, as most servers of one's own want it"},
		&cli.BoolFlag{Name: flagTeamPad, Category: groupTeam, EnvVars: variables(flagTeamPad),
			Usage: "hide the sizes of shared files, for at most 12 % more bytes"},
		&cli.DurationFlag{Name: flagTeamPatience, Category: groupTeam, EnvVars: variables(flagTeamPatience), Value: team.DefaultPatience,
			Usage: "ask the API as well when the store keeps an open waiting for `TIME`; longer while the API takes longer"},
	}
}

// teamOptions are the settings of the team's store; without a place there is none.
type teamOptions struct {
	scheme string // s3 or file; "" for none
	dir    string // of a folder
	s3     s3bucket.Options

	pad      bool
	patience time.Duration
	pace     func(ctx context.Context, bytes int) error // nil: as fast as it comes
}

func readTeam(c *cli.Context, ephemeral bool) (o teamOptions, err error) {
	o.s3 = s3bucket.Options{Endpoint: c.String(flagTeamEndpoint), Region: c.String(flagTeamRegion), PathStyle: c.Bool(flagTeamPathStyle)}
	o.pad = c.Bool(flagTeamPad)
	if o.patience, err = positive(flagTeamPatience, c.Duration(flagTeamPatience)); err != nil {
		return o, err
	}
	place := c.String(flagTeamStore)
	if place == "" {
		return o, nil
	}
	if ephemeral {
		return o, usageError("--%s needs --%s %s: what an ephemeral key has encrypted nobody else can read", flagTeamStore, flagCacheKey, cacheKeySecret)
	}
	if o.s3.Endpoint != "" && !isServer(o.s3.Endpoint) {
		return o, usageError("--%s must be the URL of a server, such as https://s3.example.com, %s", flagTeamEndpoint, not(o.s3.Endpoint))
	}
	u, err := url.Parse(place)
	if err == nil && u.RawQuery == "" && u.Fragment == "" && u.User == nil {
		o.scheme = u.Scheme
		switch {
		case u.Scheme == "s3" && u.Host != "":
			o.s3.Bucket, o.s3.Prefix = u.Host, strings.Trim(u.Path, "/")
			return o, nil
		case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
			o.dir = filepath.Clean(u.Path)
			return o, nil
		}
	}
	return o, usageError("--%s must be s3://BUCKET, s3://BUCKET/PREFIX or file:///DIR, %s", flagTeamStore, not(place))
}

// closableBucket is a bucket that this program has opened.
type closableBucket interface {
	bucket.Bucket
	io.Closer
}

// openTeam opens the team's store, nil if there is none, and what closes it. With check
// it makes sure that the store is there and takes the credentials; one that does not
// answer is left for later.
func openTeam(ctx context.Context, o teamOptions, c *cache.Cache, check bool, log *slog.Logger) (*team.Store, func(), error) {
	if o.scheme == "" {
		return nil, func() {}, nil
	}
	b, err := o.bucket(ctx, log)
	if err == nil && check {
		if err = checkTeam(ctx, b, log); err != nil {
			b.Close()
		}
	}
	if err != nil {
		return nil, nil, teamError(err, o)
	}
	s := team.New(team.Options{Bucket: b, Cache: c, Patience: o.patience, Pace: o.pace, Pad: o.pad, Shareable: store.Shareable, Logger: log})
	return s, func() {
		s.Close()
		b.Close()
	}, nil
}

func (o teamOptions) bucket(ctx context.Context, log *slog.Logger) (closableBucket, error) {
	if o.scheme == "file" {
		return inTime(ctx, func(context.Context) (closableBucket, error) { return folder.Open(o.dir) })
	}
	if host, open := o.unencrypted(); open {
		log.Warn("the team store is asked in plain http: others on the way see what is asked for, and any session token of the credentials; files stay encrypted", "server", host)
	}
	return s3bucket.Open(ctx, o.s3)
}

// unencrypted reports whether the store is asked in plain HTTP on another machine.
func (o teamOptions) unencrypted() (host string, open bool) {
	u, err := url.Parse(o.s3.Endpoint)
	if err != nil || u.Scheme != "http" {
		return "", false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Host, u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// errHangs says that a folder's file system does not answer.
var errHangs = fmt.Errorf("it does not answer within %v", teamCheck)

// inTime calls a file system that may hang, for which no context helps. A call that
// takes too long is left behind.
func inTime[V any](ctx context.Context, call func(context.Context) (V, error)) (V, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, teamCheck, errHangs)
	defer cancel()
	return interruptible(ctx, func() (V, error) { return call(ctx) })
}

func checkTeam(ctx context.Context, b bucket.Bucket, log *slog.Logger) error {
	_, err := inTime(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.Check(ctx) })
	if isLasting(err) {
		return fmt.Errorf("%s: %w", b, err)
	}
	if err != nil && ctx.Err() == nil {
		log.Warn("the team store does not answer: files come from the API until it does", "store", b.String(), "error", err)
		err = nil
	}
	return err
}

// isLasting reports whether waiting does not mend what is wrong with a store.
func isLasting(err error) bool {
	return errors.Is(err, bucket.ErrDenied) || errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrConfig)
}

// teamError says what to do about a store that can't be used.
func teamError(err error, o teamOptions) error {
	hint := "check --" + flagTeamStore
	switch {
	case errors.Is(err, errHangs):
		hint = "check the server of the share that the folder is on"
	case errors.Is(err, bucket.ErrConfig):
		hint = fmt.Sprintf("check --%s, --%s and the AWS configuration", flagTeamRegion, flagTeamEndpoint)
	case errors.Is(err, bucket.ErrNoBucket) && o.scheme == "file":
		hint = "the folder must be there: make it, or mount the share that it is on"
	case errors.Is(err, bucket.ErrNoBucket):
		hint = fmt.Sprintf("check the name of the bucket and --%s; veriffs makes no buckets", flagTeamEndpoint)
	case errors.Is(err, bucket.ErrDenied) && o.scheme == "file":
		hint = "check the permissions of the folder"
	case errors.Is(err, bucket.ErrDenied):
		hint = "check the credentials that the AWS SDK finds (AWS_ACCESS_KEY_ID, AWS_PROFILE and so on) and what they allow: s3:ListBucket, s3:GetObject and s3:PutObject"
	}
	return &hinted{err: fmt.Errorf("the team store can't be used: %w", err), hint: hint, code: exitTeam}
}
