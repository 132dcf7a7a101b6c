package doctor

import (
	"context"
	"runtime"
	"slices"
	"strings"
)

// version compares this program with those that run mounts.
func (o Options) version(context.Context) Finding {
	var others []string
	for _, m := range o.Mounts {
		if m.Status != nil && m.Status.Version != o.Version {
			others = append(others, m.Point+" by veriffs "+m.Status.Version)
		}
	}
	f := ok("veriffs %s, %s, %s/%s", o.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if len(others) > 0 {
		f = warn("mounts-of-another-version", "veriffs unmount MOUNTPOINT, then mount it again",
			"veriffs %s; served by another version: %s", o.Version, strings.Join(others, ", "))
	}
	return f.with("veriffs", o.Version).with("go", runtime.Version()).with("system", runtime.GOOS+"/"+runtime.GOARCH).with("mounts_of_another_version", len(others))
}

// mounts looks for mounts that do not answer.
func (o Options) mounts(context.Context) Finding {
	var stale []string
	for _, m := range o.Mounts {
		if !m.Alive {
			stale = append(stale, m.Point)
		}
	}
	f := ok("%d, none is dead or stuck", len(o.Mounts))
	if len(stale) > 0 {
		f = fail("stale", "run: veriffs unmount "+stale[0], "no answer from %s", strings.Join(stale, ", "))
	}
	return f.with("mounts", len(o.Mounts)).with("stale", len(stale))
}

// memoryOfMounts says whether the processes of this user's mounts keep their secrets to
// themselves.
func (o Options) memoryOfMounts(context.Context) Finding {
	told := slices.DeleteFunc(slices.Clone(o.Mounts), func(m Mount) bool { return m.Status == nil || m.Status.Memory == nil })
	open, swapped := 0, 0
	for _, m := range told {
		if m.Status.Memory.Dumpable {
			open++
		}
		if !m.Status.Memory.Locked {
			swapped++
		}
	}
	f := ok("only root can read it, and it is not swapped (mounts: %d)", len(told))
	switch {
	case len(told) == 0:
		f = ok("no mount of this user tells")
	case open > 0:
		f = warn("dumpable", "mount again without VERIFFS_ALLOW_DEBUGGER", "of %d mounts, programs of the same user can read that of %d, and a crash can write it to a file", len(told), open)
	case swapped > 0 && swaps():
		f = warn("not-locked", "encrypt the swap, or lift the limit on locked memory (ulimit -l unlimited; LimitMEMLOCK=infinity in the unit) and mount again",
			"of %d mounts, that of %d can be swapped", len(told), swapped)
	case swapped > 0:
		f = ok("only root can read it; it could be swapped, but this machine has no swap (mounts: %d)", len(told))
	}
	return f.with("mounts", len(told)).with("dumpable", open).with("not_locked", swapped)
}
