package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"veriffs/internal/bucket"
)

// teamStore asks the team's store whether it is there and lets this user in. Nothing is
// written to it.
func (o Options) teamStore(ctx context.Context) Finding {
	switch {
	case o.TeamDir != "":
		return o.teamFolder(ctx).with("used", true)
	case o.TeamBucket != nil:
		return o.teamBucket(ctx).with("used", true)
	}
	return ok("none is used").with("used", false)
}

// teamFolder leaves a file system that hangs behind: no context ends such a call.
func (o Options) teamFolder(ctx context.Context) Finding {
	found := make(chan Finding, 1)
	go func() { found <- judgeFolder(o.TeamDir) }()
	select {
	case f := <-found:
		return f
	case <-time.After(patience):
	case <-ctx.Done():
	}
	return fail("no-answer", "check the server of the share that the folder is on", "the file system of %s does not answer", o.TeamDir)
}

func judgeFolder(dir string) Finding {
	info, err := os.Stat(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return fail("missing", "make the folder, or mount the share that it is on", "%v", err)
	case err == nil && !info.IsDir():
		return fail("missing", "name a folder with --team-store", "%s is no folder", dir)
	case err != nil || unix.Access(dir, unix.R_OK|unix.X_OK) != nil:
		return fail("denied", "ask for the permission to read it, or check how the share is mounted", "you can't read %s", dir)
	case unix.Access(dir, unix.W_OK) != nil:
		return warn("not-writable", "ask for the permission to write, unless others are to fill the store", "%s can be read and not written: nothing from here is shared", dir)
	}
	return ok("%s can be read and written", dir)
}

func (o Options) teamBucket(ctx context.Context) Finding {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := o.TeamBucket(limited)
	if err == nil {
		return ok("is there, and lists its objects for you")
	}
	for _, known := range []struct {
		err  error
		kind string
	}{{bucket.ErrDenied, "denied"}, {bucket.ErrNoBucket, "missing"}, {bucket.ErrConfig, "misconfigured"}} {
		if errors.Is(err, known.err) {
			return o.failed(known.kind, err)
		}
	}
	problem, _ := o.Explain(err)
	return warn("no-answer", "check the network, the proxy (HTTPS_PROXY) and --team-store-endpoint; until it answers, files come from the API alone", "%s", problem)
}
