package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"veriffs/cache/directory"
	"veriffs/cache/seal"
)

func (o Options) cacheChecks() []Check {
	return []Check{{"cache directory", o.cacheDirectory}, {"cache space", o.cacheSpace}, {"cache file system", o.cacheFileSystem}, {"cache secrets", o.cacheSecrets}}
}

// cacheDirectory judges whose the directory is, and what is in it.
func (o Options) cacheDirectory(context.Context) Finding {
	d, err := directory.Inspect(o.Cache.Dir, o.Cache.Ephemeral)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		above := nearest(o.Cache.Dir)
		if err := unix.Access(above, unix.W_OK|unix.X_OK); err != nil {
			return fail("not-writable", "choose a cache directory that you can write to (--cache-dir)", "it is to be made in %s, where you can't write", above)
		}
		return ok("%s will be made by the first mount", o.Cache.Dir).with("exists", false)
	case err != nil:
		return o.failed("unusable", err).with("exists", true)
	}
	defer d.Close()
	if err := unix.Access(o.Cache.Dir, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		return fail("not-writable", "mount its file system so that you can write, or run: chmod u+rwx "+o.Cache.Dir, "%s can't be written: %v", o.Cache.Dir, err).with("exists", true)
	}
	return ok("%s is yours alone", o.Cache.Dir).with("exists", true)
}

// nearest is the directory above a path that is there.
func nearest(path string) string {
	for {
		path = filepath.Dir(path)
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
	}
}

// disk is the directory whose file system the cache is or will be on.
func (o Options) disk() string {
	if _, err := os.Stat(o.Cache.Dir); err == nil {
		return o.Cache.Dir
	}
	return nearest(o.Cache.Dir)
}

// cacheSpace judges whether there is room on the disk.
func (o Options) cacheSpace(context.Context) Finding {
	var st unix.Statfs_t
	if err := unix.Statfs(o.disk(), &st); err != nil {
		return warn("unknown", "check the disk that it is on", "its file system does not tell: %v", err)
	}
	return judgeSpace(uint64(st.Blocks)*uint64(st.Bsize), uint64(st.Bavail)*uint64(st.Bsize), uint64(o.Cache.Limit), o.Cache.MinFree)
}

// judgeSpace gets bytes: of the file system, of those the free ones, and the cache's limit.
func judgeSpace(total, free, limit uint64, minFree float64) Finding {
	const mend = "free some space, or choose a cache directory on another disk (--cache-dir)"
	share := uint64(float64(total) * minFree)
	f := ok("%s of %s are free, %s for the cache", humanize.IBytes(free), humanize.IBytes(total), humanize.IBytes(min(limit, free-min(free, share))))
	switch {
	case total > 0 && free == 0:
		f = fail("full", mend, "the disk is full: nothing can be cached")
	case total > 0 && free < share:
		f = warn("scarce", mend, "only %s of %s are free, less than --min-free leaves: nothing more is cached", humanize.IBytes(free), humanize.IBytes(total))
	case total > 0 && limit > total:
		f = warn("limit-above-disk", "set --cache-size to less", "the limit of %s is above the disk's %s", humanize.IBytes(limit), humanize.IBytes(total))
	}
	return f.with("total_bytes", total).with("free_bytes", free).with("limit_bytes", limit)
}

func (o Options) cacheFileSystem(context.Context) Finding {
	name, err := fileSystem(o.disk())
	if err != nil {
		return warn("unknown", "check the disk that it is on", "does not tell its type: %v", err)
	}
	return judgeFileSystem(name)
}

func judgeFileSystem(name string) Finding {
	f := ok("%s", name)
	switch {
	case slices.Contains([]string{"tmpfs", "ramfs"}, name):
		f = warn("in-memory", "choose a cache directory on a disk (--cache-dir)", "%s: the cache takes memory, and is gone when the machine stops; so is what is held", name)
	case slices.Contains([]string{"nfs", "cifs", "smb", "9p", "ceph", "fuse"}, name):
		f = warn("remote", "choose a cache directory on a disk of this machine (--cache-dir)", "%s: its locks and its promises about crashes depend on a server", name)
	case slices.Contains([]string{"vfat"}, name):
		f = fail("no-owners", "choose a cache directory on another file system (--cache-dir)", "%s knows no owners and permissions", name)
	}
	return f.with("type", name)
}

// cacheSecrets looks for objects that no secret at hand can open.
func (o Options) cacheSecrets(ctx context.Context) Finding {
	if o.Secrets != nil && !o.Cache.Ephemeral {
		return warn("no-secret", "mend the shared secret first", "not looked at: there is no shared secret")
	}
	d, err := directory.Inspect(o.Cache.Dir, o.Cache.Ephemeral)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("none are there")
	case err != nil:
		return warn("not-looked-at", "mend the cache directory first", "not looked at")
	}
	defer d.Close()
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.judgeObjects(limited, d)
}

// judgeObjects counts until ctx ends, which is enough to know whether other secrets have
// sealed any.
func (o Options) judgeObjects(ctx context.Context, d *directory.Directory) Finding {
	own, foreign, err := o.countObjects(ctx, d)
	whole := err == nil
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return warn("unreadable", "see the kernel's log (dmesg), and check the permissions below it", "not all of it can be read: %v", err)
	}
	f := ok("%d objects, all sealed by the secrets that are set", own)
	if !whole {
		f = ok("too many objects to count here; the first %d are sealed by the secrets that are set", own)
	}
	if foreign > 0 && !o.Cache.Ephemeral {
		f = warn("of-other-secrets", "if the secret was replaced, set both (new,old) until a mount has run; if it is mistyped, correct it: nothing is lost",
			"%d objects are sealed by secrets that are not set, %d by those that are", foreign, own)
	}
	return f.with("objects", own).with("of_other_secrets", foreign).with("all_counted", whole)
}

// countObjects counts those of other secrets first: most often there are none.
func (o Options) countObjects(ctx context.Context, d *directory.Directory) (own, foreign int64, err error) {
	configured := make(map[string]bool)
	for _, s := range o.Cache.Secrets {
		secret, err := seal.NewSecret(s)
		if err != nil {
			return 0, 0, err
		}
		configured[secret.Dir()] = true
	}
	tags, err := d.Tags()
	for _, count := range []struct {
		objects    *int64
		configured bool
	}{{&foreign, false}, {&own, true}} {
		for _, tag := range tags {
			if err == nil && configured[tag] == count.configured {
				var used directory.Usage
				used, err = d.Secret(tag).Survey(ctx)
				*count.objects += used.Objects
			}
		}
	}
	return own, foreign, err
}
