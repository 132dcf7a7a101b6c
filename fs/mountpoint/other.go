package mountpoint

import (
	"errors"
	"slices"
)

// Other is a veriffs that another process serves or has served, as the table of mounts
// had it.
type Other struct{ entry mountEntry }

// At returns the veriffs that is mounted on point, dead or alive. It asks it nothing.
func At(point string) (Other, bool) {
	m, mounted := mountedAt(point)
	if !mounted || m.fsType != tableType {
		return Other{}, false
	}
	return Other{m}, true
}

// OnAutomount reports whether it is mounted on an automount point: whoever opens that while
// nothing is mounted there waits until the service manager has mounted.
func (o Other) OnAutomount() bool {
	return slices.ContainsFunc(mounts(), func(m mountEntry) bool { return m.point == o.entry.point && m.fsType == "autofs" })
}

// There reports whether it still is what is mounted on its mount point.
func (o Other) There() bool {
	now, mounted := mountedAt(o.entry.point)
	return mounted && now.device == o.entry.device && now.fsType == tableType
}

// Clear takes it away if it is there and dead.
func (o Other) Clear() error {
	if !o.There() || !errors.Is(answers(o.entry.point), errDead) {
		return nil
	}
	return detach(o.entry.point)
}
