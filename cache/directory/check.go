package directory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The files beside the objects.
const (
	formatFile = "format"
	formatLine = "veriffs cache 1\n"
	// holdLine is the format of a cache that has had a hold: older programs would
	// evict and erase what is held.
	holdLine = "veriffs cache 2\n"
	// Older programs refuse a directory with this one, as they should: they
	// would leave in it what an ephemeral cache erases.
	ephemeralLine = "veriffs cache 1 ephemeral\n"
	lockFile      = "lock"
	tagFile       = "CACHEDIR.TAG"
	tagLine       = "Signature: 8a477f597d28d172789f06886806bc55\n# Sealed copies kept by veriffs; safe to delete while it is not running.\n"
	spotlightFile = ".metadata_never_index"
	// FinderFile is what the Finder leaves wherever it was.
	FinderFile = ".DS_Store"
	// TempDir holds files that are being written.
	TempDir = "tmp"
	// PinDir, in a secret's directory, holds a file for each pinned name.
	PinDir = "pins"
	// HoldDir, in a secret's directory, holds the records of holds.
	HoldDir = "holds"
)

// check refuses a directory that is not a cache of this format, or in which
// something of ours is not what we made.
func (d *Directory) check() error {
	if err := d.checkFormat(); err != nil {
		return d.refuse("", err, formatHint(err))
	}
	return d.Each(context.Background(), ".", func(name string, st *unix.Stat_t) error {
		switch name {
		case formatFile, tagFile, spotlightFile, lockFile:
			return d.checkOurs(name, st, unix.S_IFREG)
		case TempDir:
			return d.checkOurs(name, st, unix.S_IFDIR)
		}
		if !IsTag(name) {
			return nil
		}
		if err := d.checkOurs(name, st, unix.S_IFDIR); err != nil {
			return err
		}
		return d.Each(context.Background(), name, func(shard string, st *unix.Stat_t) error {
			if !IsShard(shard) && shard != HoldDir {
				return nil
			}
			return d.checkOurs(name+"/"+shard, st, unix.S_IFDIR)
		})
	})
}

// checkOurs refuses a file that is of another kind, for example a symbolic
// link, or that someone else owns.
func (d *Directory) checkOurs(rel string, st *unix.Stat_t, kind int) error {
	const hint = "put back what was at the path named, or give it back to your user; don't delete the cache directory: it may have the only copy of what is held"
	if int(st.Mode)&unix.S_IFMT != kind {
		return d.refuse(rel, ErrSymlink, hint)
	}
	if int(st.Uid) != os.Geteuid() {
		return d.refuse(rel, ErrOwner, hint)
	}
	return nil
}

// checkFormat accepts an empty directory and one of this format. A crash while
// the very first files were made leaves a directory that holds nothing else.
func (d *Directory) checkFormat() error {
	line, err := d.ReadFile(formatFile)
	if err == nil && len(line) > 0 {
		switch string(line) {
		case d.format:
			return nil
		case holdLine:
			if d.format == ephemeralLine {
				return ErrKind
			}
			d.format = holdLine
			return nil
		case formatLine, ephemeralLine:
			return ErrKind
		}
		version, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "veriffs cache ")
		if n, err := strconv.Atoi(version); ok && err == nil && n > 2 {
			return ErrNewer
		}
		return ErrForeign
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := d.Names(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		switch name {
		case formatFile, lockFile, FinderFile:
		default:
			return ErrForeign
		}
	}
	return nil
}

// IsTag reports whether name, at the top, is the directory of a secret.
func IsTag(name string) bool { return isHex(name, 16) }

// IsShard reports whether name, in a secret's directory, is a directory of objects.
func IsShard(name string) bool { return isHex(name, 2) }

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
